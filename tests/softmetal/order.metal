#include <metal_stdlib>
using namespace metal;

// One threadgroup waits for another: nothing promises that the other ever runs.
kernel void wait_for_the_other(device atomic_uint* arrived [[buffer(0)]],
                               uint g [[threadgroup_position_in_grid]]) {
  atomic_fetch_add_explicit(arrived, 1u, memory_order_relaxed);
  if (g == 0) {
    while (atomic_load_explicit(arrived, memory_order_relaxed) < 2) {
    }
  }
}

// Both threadgroups say that they are here, and look for the other.
kernel void flags(device atomic_uint* here [[buffer(0)]], device uint* seen [[buffer(1)]],
                  uint g [[threadgroup_position_in_grid]]) {
  atomic_store_explicit(&here[g], 1u, memory_order_relaxed);
#ifdef FENCE
  atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device);
#endif
  seen[g] = atomic_load_explicit(&here[1 - g], memory_order_relaxed);
}

kernel void store_load(device atomic_uint* words [[buffer(0)]], device uint* seen [[buffer(1)]]) {
  atomic_store_explicit(&words[0], 3u, memory_order_relaxed);
  seen[0] = atomic_load_explicit(&words[0], memory_order_relaxed);
  atomic_store_explicit(&words[0], 4u, memory_order_relaxed);
  seen[1] = atomic_fetch_add_explicit(&words[0], 1u, memory_order_relaxed);
}

// Hands one value over per threadgroup: the payload, then the flag; a later threadgroup may take it.
struct Box {
  atomic_uint full;
  uint payload;
};
kernel void hand_over(coherent(device) device Box* box [[buffer(0)]], device uint* taken [[buffer(1)]],
                      uint g [[threadgroup_position_in_grid]]) {
  if (g == 0) {
#ifdef PUBLISH_FIRST
    atomic_store_explicit(&box->full, 1u, memory_order_relaxed);
    box->payload = 42;
#else
    box->payload = 42;
#ifndef NO_FENCE
    atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device);
#endif
    atomic_store_explicit(&box->full, 1u, memory_order_relaxed);
#endif
    return;
  }
  for (uint look = 0; look < 1000; ++look) {
    if (atomic_load_explicit(&box->full, memory_order_relaxed) == 0) continue;
    atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device);
    *taken = box->payload;
    return;
  }
}

kernel void count_plainly(device uint* count [[buffer(0)]]) {
  *count = *count + 1;
}

kernel void neighbour(device uint* out [[buffer(0)]], threadgroup uint* shared [[threadgroup(0)]],
                      uint l [[thread_index_in_threadgroup]], uint n [[threads_per_threadgroup]]) {
  shared[l] = l;
#ifndef DROP_BARRIER
  threadgroup_barrier(mem_flags::mem_threadgroup);
#endif
  out[l] = shared[(l + 1) % n];
}
