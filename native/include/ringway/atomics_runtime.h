// Atomic words of the host runtime: locks, flags, lists and counters outside the queues. Host only.
// The names carry the order; each use names its partner.
#pragma once
#include "config.h"

namespace ringway::atomic {

template <class T>
RW_FN T load_relaxed(const T* p) {
  return __atomic_load_n(p, __ATOMIC_RELAXED);
}
template <class T>
RW_FN void store_relaxed(T* p, T v) {
  __atomic_store_n(p, v, __ATOMIC_RELAXED);
}
template <class T>
RW_FN T add_relaxed(T* p, T v) {
  return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}
// SYNC: the partner of each access below is named where it is called.
template <class T>
RW_FN T load_acquire(const T* p) {
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
// SYNC: as above.
template <class T>
RW_FN void store_release(T* p, T v) {
  __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
// SYNC: as above.
template <class T>
RW_FN T load_seq_cst(const T* p) {
  return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}
// SYNC: as above.
template <class T>
RW_FN T exchange_seq_cst(T* p, T v) {
  return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}
// SYNC: as above.
template <class T>
RW_FN T add_seq_cst(T* p, T v) {
  return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}
// SYNC: as above.
template <class T>
RW_FN T sub_seq_cst(T* p, T v) {
  return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);
}
// SYNC: as above.
template <class T>
RW_FN bool claim_seq_cst(T* p, T* expected, T desired) {
  return __atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// A counter with one writer at a time, read by anyone: no read-modify-write needed.
RW_FN void count(u64* counter, u64 n) {
  store_relaxed(counter, load_relaxed(counter) + n);
}

// Tells the processor that this thread spins.
RW_FN void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace ringway::atomic
