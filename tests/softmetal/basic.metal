#include <metal_stdlib>
using namespace metal;

kernel void number(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  out[i] = i;
}

kernel void add(const device float* a [[buffer(0)]], const device float* b [[buffer(1)]],
                device float* sum [[buffer(2)]], constant uint& n [[buffer(3)]],
                uint i [[thread_position_in_grid]]) {
  if (i < n) sum[i] = a[i] + b[i];
}

template <typename T>
kernel void scale(const device T* values [[buffer(0)]], device T* out [[buffer(1)]],
                  constant T& factor [[buffer(2)]], uint i [[thread_position_in_grid]],
                  uint l [[thread_index_in_threadgroup]]) {
  threadgroup T held[64];
  held[l] = values[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out[i] = held[l] * factor;
}
template [[host_name("scale_float")]] kernel void scale<float>(const device float*, device float*,
                                                               constant float&, uint, uint);
template [[host_name("scale_int")]] [[kernel]] decltype(scale<int>) scale<int>;

constant uint kStep [[function_constant(0)]];
constant bool kTwice [[function_constant(1)]];
kernel void stepped(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const uint step = i * kStep;
  out[i] = is_function_constant_defined(kTwice) && kTwice ? 2 * step : step;
}

kernel void sum(const device float* values [[buffer(0)]], device atomic_float* total [[buffer(1)]],
                threadgroup float* shared [[threadgroup(0)]], uint i [[thread_position_in_grid]],
                uint l [[thread_index_in_threadgroup]], uint n [[threads_per_threadgroup]]) {
  shared[l] = values[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint left = n / 2; left > 0; left /= 2) {
    if (l < left) shared[l] += shared[l + left];
#ifndef DROP_BARRIER
    threadgroup_barrier(mem_flags::mem_threadgroup);
#endif
  }
  if (l == 0) atomic_fetch_add_explicit(total, shared[0], memory_order_relaxed);
}

kernel void sum_simd(const device float* values [[buffer(0)]], device atomic_float* total [[buffer(1)]],
                     uint i [[thread_position_in_grid]], uint lane [[thread_index_in_simdgroup]]) {
  const float all = simd_sum(values[i]);
  if (lane == 0) atomic_fetch_add_explicit(total, all, memory_order_relaxed);
}

kernel void positions(device uint4* out [[buffer(0)]], uint3 at [[thread_position_in_grid]],
                      uint3 grid [[threads_per_grid]], uint3 group [[threads_per_threadgroup]],
                      ushort2 in_group [[thread_position_in_threadgroup]]) {
  out[(at.z * grid.y + at.y) * grid.x + at.x] = uint4(at.xy, group.x, in_group.x);
}

kernel void vectors(device float4* out [[buffer(0)]], device half* halves [[buffer(1)]],
                    uint i [[thread_position_in_grid]]) {
  float4 v = float4(float2(1, 2), 3.0f, float(i));
  v.xy = v.yx;
  v += float4(0.5f);
  out[i] = clamp(v, 0.0f, 3.0f) * 2.0f;
  halves[i] = half(exp2(float(i)));
}
