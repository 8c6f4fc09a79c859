#pragma once
namespace metal {
SM_INLINE bool sm_orders_device(mem_flags flags) {
  return uint(flags) & uint(mem_flags::mem_device);
}
SM_INLINE void threadgroup_barrier(mem_flags flags, int line = __builtin_LINE()) {
  sm_barrier(SM_WAIT_GROUP, sm_orders_device(flags), line);
}
SM_INLINE void threadgroup_barrier(mem_flags flags, thread_scope, int line = __builtin_LINE()) {
  sm_barrier(SM_WAIT_GROUP, sm_orders_device(flags), line);
}
SM_INLINE void simdgroup_barrier(mem_flags flags, int line = __builtin_LINE()) {
  sm_barrier(SM_WAIT_SIMDGROUP, sm_orders_device(flags), line);
}

// simd_ functions: each lane leaves its value in one of two places, waits for the others, and reads.
template <class T> SM_INLINE uint sm_share(T value, int line) {
  static_assert(sizeof(T) <= sizeof sm_current->exchanged[0], "MSL: too large for a simdgroup function");
  const uint place = sm_current->parity ^= 1;
  __builtin_memcpy(sm_current->exchanged[place], &value, sizeof value);
  sm_barrier(SM_WAIT_SIMDGROUP, false, line);
  return place;
}
SM_INLINE uint sm_lanes() {
  const uint rest = sm_current->group->count - sm_current->simdgroup * SM_LANES;
  return rest < SM_LANES ? rest : uint(SM_LANES);
}
template <class T> SM_INLINE T sm_of_lane(uint place, uint lane) {
  T value;
  if (lane >= sm_lanes()) {  // undefined on a GPU
    __builtin_memset(&value, 0xFF, sizeof value);
    return value;
  }
  const sm_thread& other = sm_current->group->threads[sm_current->simdgroup * SM_LANES + lane];
  __builtin_memcpy(&value, other.exchanged[place], sizeof value);
  return value;
}
template <class T, class F> SM_INLINE T sm_reduce(T value, F join, int line) {
  const uint place = sm_share(value, line);
  T all = sm_of_lane<T>(place, 0);
  for (uint lane = 1; lane < sm_lanes(); lane++) all = join(all, sm_of_lane<T>(place, lane));
  return all;
}
template <class T> SM_INLINE T simd_sum(T x, int line = __builtin_LINE()) {
  return sm_reduce(x, [](T a, T b) -> T { return a + b; }, line);
}
template <class T> SM_INLINE T simd_max(T x, int line = __builtin_LINE()) {
  return sm_reduce(x, [](T a, T b) -> T { return a > b ? a : b; }, line);
}
template <class T> SM_INLINE T simd_min(T x, int line = __builtin_LINE()) {
  return sm_reduce(x, [](T a, T b) -> T { return a < b ? a : b; }, line);
}
template <class T> SM_INLINE T simd_shuffle(T x, ushort lane, int line = __builtin_LINE()) {
  return sm_of_lane<T>(sm_share(x, line), lane);
}
template <class T> SM_INLINE T simd_broadcast(T x, ushort lane, int line = __builtin_LINE()) {
  return sm_of_lane<T>(sm_share(x, line), lane);
}
template <class T> SM_INLINE T simd_shuffle_xor(T x, ushort mask, int line = __builtin_LINE()) {
  return sm_of_lane<T>(sm_share(x, line), sm_current->lane ^ mask);
}
template <class T> SM_INLINE T simd_shuffle_down(T x, ushort delta, int line = __builtin_LINE()) {
  return sm_of_lane<T>(sm_share(x, line), sm_current->lane + delta);
}
template <class T> SM_INLINE T simd_shuffle_up(T x, ushort delta, int line = __builtin_LINE()) {
  return sm_of_lane<T>(sm_share(x, line), sm_current->lane - delta);
}
template <class T> SM_INLINE T simd_prefix_exclusive_sum(T x, int line = __builtin_LINE()) {
  const uint place = sm_share(x, line);
  T sum = 0;
  for (uint lane = 0; lane < sm_current->lane; lane++) sum += sm_of_lane<T>(place, lane);
  return sum;
}
template <class T> SM_INLINE T simd_prefix_inclusive_sum(T x, int line = __builtin_LINE()) {
  return simd_prefix_exclusive_sum(x, line) + x;
}
SM_INLINE bool simd_any(bool x, int line = __builtin_LINE()) {
  return sm_reduce<int>(x, [](int a, int b) { return a | b; }, line);
}
SM_INLINE bool simd_all(bool x, int line = __builtin_LINE()) {
  return sm_reduce<int>(x, [](int a, int b) { return a & b; }, line);
}
}  // namespace metal
