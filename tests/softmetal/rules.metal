#include <metal_stdlib>
using namespace metal;

struct Pair {
  uint first, second;
};
kernel void number(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  out[i] = i;
}
kernel void pairs(device Pair* slots [[buffer(0)]], constant uint& n [[buffer(1)]],
                  uint i [[thread_position_in_grid]]) {
  if (i < n) slots[i].second = i;
}
kernel void reduce(const device float* values [[buffer(0)]], device float* total [[buffer(1)]],
                   threadgroup float* shared [[threadgroup(0)]], uint l [[thread_index_in_threadgroup]]) {
  shared[l] = values[l];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (l == 0) *total = shared[1];
}
kernel void limited [[max_total_threads_per_threadgroup(64)]](device uint* out [[buffer(0)]]) {
  out[0] = 1;
}
kernel void half_full(device uint* out [[buffer(0)]], threadgroup uint* shared [[threadgroup(0)]]) {
  threadgroup uint own[4096];
  own[0] = 1;
  out[0] = own[0] + shared[0];
}
kernel void too_large(device float* out [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {
  threadgroup float held[9000];
  held[i] = 1;
  out[i] = held[i];
}
kernel void divergent(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  if (i < 7) threadgroup_barrier(mem_flags::mem_device);
  out[i] = i;
}
kernel void divergent_simd(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  out[i] = i < 7 ? simd_sum(i) : i;
}
kernel void element(device uint* out [[buffer(0)]], constant uint& i [[buffer(1)]]) {
  out[i] = 1;
}
kernel void past_the_end(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  out[i + 1024] = i;
}
kernel void just_past_the_end(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  out[i + 1] = i;
}
kernel void past_a_variable(device uint* out [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {
  threadgroup uint held[8];
  held[i] = i;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out[i] = held[i];
}
kernel void uninitialised(device float* out [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {
  threadgroup float held[8];
  float own[4];
  out[2 * i] = held[i];
  out[2 * i + 1] = own[i % 4];
}
kernel void untouched(device uint* out [[buffer(0)]], threadgroup uint* memory [[threadgroup(0)]],
                      uint i [[thread_index_in_threadgroup]]) {
  out[i] = memory[i];
}
kernel void weighted(device uint* out [[buffer(0)]], constant uint* weights [[buffer(1)]]) {
  out[0] = weights[0];
}
kernel void spin(device atomic_uint* flag [[buffer(0)]]) {
  while (atomic_load_explicit(flag, memory_order_relaxed) == 0) {
  }
}
kernel void endless(device uint* out [[buffer(0)]]) {
  volatile uint n = 1;
  while (n) ++n, n |= 1;
  out[0] = n;
}
kernel void deep(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  volatile uint many[100000];
  many[i] = i;
  out[i] = many[i];
}
