// Metal has relaxed atomics of 32 bits, and from 3.2 a sequentially consistent fence; other orders are not declared, as on
// a Mac. Every access is a point where others may run; under a seed stores may become visible late and weak
// compare-exchanges fail; under ThreadSanitizer fences get their meaning.
#pragma once
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SM_TSAN 1
extern "C" void __tsan_acquire(void*);
#endif
#endif

namespace metal {
#if __METAL_VERSION__ >= 320
enum memory_order { memory_order_relaxed = 0, memory_order_seq_cst = 5 };
#else
enum memory_order { memory_order_relaxed = 0 };
#endif
enum thread_scope {
  thread_scope_thread,
  thread_scope_simdgroup,
  thread_scope_threadgroup,
  thread_scope_device
};
enum class mem_flags : uint {
  mem_none = 0,
  mem_device = 1,
  mem_threadgroup = 2,
  mem_texture = 4,
  mem_threadgroup_imageblock = 8
};
SM_INLINE constexpr mem_flags operator|(mem_flags a, mem_flags b) {
  return mem_flags(uint(a) | uint(b));
}

template <class T> struct _atomic {
  static_assert(__is_same(T, int) || __is_same(T, uint) || __is_same(T, float) || __is_same(T, bool),
                "MSL: atomics are of int, uint, float and bool");
  T value;
  _atomic() = default;
  _atomic(const _atomic&) = delete;
  void operator=(const _atomic&) = delete;
};
template <class T> using atomic = _atomic<T>;
typedef _atomic<int> atomic_int;
typedef _atomic<uint> atomic_uint;
typedef _atomic<float> atomic_float;
typedef _atomic<bool> atomic_bool;

#ifdef SM_TSAN
SM_INLINE void sm_loaded(const volatile void* p) {
  sm_current->loaded[sm_current->loads++ % 32] = (const void*)p;
}
SM_INLINE void sm_stores(volatile void* p) {
  if (sm_current->fenced) sm_tsan_publish(p);
}
constexpr bool sm_late = false;
#else
SM_INLINE void sm_loaded(const volatile void*) {}
SM_INLINE void sm_stores(volatile void*) {}
constexpr bool sm_late = true;
#endif
SM_INLINE void sm_point() {
  if (--sm_current->patience <= 0) sm_let_others_run();
}
template <class T> SM_INLINE void sm_before_update(volatile _atomic<T>* p) {
  sm_point();
  if (sm_current->late_host) sm_see_host(&p->value, true);
  if (sm_current->pending) sm_settle(&p->value);
  sm_stores(p);
}

#if __METAL_VERSION__ >= 320
SM_INLINE void atomic_thread_fence(mem_flags, memory_order order, thread_scope = thread_scope_device) {
  if (order != memory_order_seq_cst) return;
  if (sm_current->pending) sm_settle(nullptr);
  if (sm_current->late_host) sm_see_host(nullptr, true);
#ifdef SM_TSAN
  sm_tsan_fence();
#endif
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

#define SM_RELAXED(order)                                   \
  __attribute__((diagnose_if(order != memory_order_relaxed, \
                             "MSL: atomic functions take memory_order_relaxed", "error")))

template <class T> SM_INLINE T atomic_load_explicit(const volatile _atomic<T>* p, memory_order o)
    SM_RELAXED(o) {
  sm_point();
  if (sm_current->late_host) sm_see_host(&p->value, false);
  T value;
  if (sm_current->pending && sm_load_own(&p->value, &value, sizeof value)) return value;
  __atomic_load(&p->value, &value, __ATOMIC_RELAXED);
  sm_loaded(p);
  return value;
}
template <class T>
SM_INLINE void atomic_store_explicit(volatile _atomic<T>* p, typename sm_same<T>::type value, memory_order o)
    SM_RELAXED(o) {
  sm_point();
  sm_stores(p);
  if (sm_late && sm_current->adversarial) return sm_store_late(&p->value, &value, sizeof value);
  __atomic_store(&p->value, &value, __ATOMIC_RELAXED);
}
template <class T>
SM_INLINE T atomic_exchange_explicit(volatile _atomic<T>* p, typename sm_same<T>::type value, memory_order o)
    SM_RELAXED(o) {
  sm_before_update(p);
  T old;
  __atomic_exchange(&p->value, &value, &old, __ATOMIC_RELAXED);
  sm_loaded(p);
  return old;
}
template <class T>
SM_INLINE bool atomic_compare_exchange_weak_explicit(volatile _atomic<T>* p, T* expected,
                                                     typename sm_same<T>::type desired, memory_order o,
                                                     memory_order f) SM_RELAXED(o) SM_RELAXED(f) {
  sm_before_update(p);
  if (sm_current->adversarial && sm_fails_for_no_reason()) {
    __atomic_load(&p->value, expected, __ATOMIC_RELAXED);
    sm_loaded(p);
    return false;
  }
  const bool done =
      __atomic_compare_exchange(&p->value, expected, &desired, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  sm_loaded(p);
  return done;
}
template <class T, class F> SM_INLINE T sm_update(volatile _atomic<T>* p, F change) {
  sm_before_update(p);
  T old, changed;
  __atomic_load(&p->value, &old, __ATOMIC_RELAXED);
  do changed = change(old);
  while (!__atomic_compare_exchange(&p->value, &old, &changed, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  sm_loaded(p);
  return old;
}
#define SM_FETCH(name, integers_only, expression)                                                          \
  template <class T>                                                                                       \
  SM_INLINE T atomic_fetch_##name##_explicit(volatile _atomic<T>* p, typename sm_same<T>::type b,          \
                                             memory_order o) SM_RELAXED(o) {                               \
    static_assert(!integers_only || !__is_floating_point(T), "MSL: atomic_float adds and subtracts only"); \
    return sm_update(p, [b](T a) -> T { return expression; });                                             \
  }
SM_FETCH(add, false, a + b)
SM_FETCH(sub, false, a - b)
SM_FETCH(and, true, a& b)
SM_FETCH(or, true, a | b)
SM_FETCH(xor, true, a ^ b)
SM_FETCH(min, true, a < b ? a : b)
SM_FETCH(max, true, a > b ? a : b)
#undef SM_FETCH
}  // namespace metal
