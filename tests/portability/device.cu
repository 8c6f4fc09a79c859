#include "grid.h"
#include "kernels.h"
#include "pagerank.h"
#include "queue.h"
#include "ringway/atomics_cuda.h"
#include "wire.h"

using namespace ringway;

template <cuda::thread_scope Scope, bool Fences>
__device__ u32 touch(u8* memory, u32* words) {
  return touch_queue<CudaAtomics<u64, Scope, Fences>>(memory, words) +
         touch_queue<CudaAtomics<u32, Scope, Fences>>(memory, words);
}

extern "C" __global__ void touch_device(u8* memory, u32* result) {
  u32 words[16] = {};
  *result = touch<cuda::thread_scope_block, false>(memory, words) +
            touch<cuda::thread_scope_device, true>(memory, words) +
            touch<cuda::thread_scope_system, false>(memory, words);
}

u32 touch_host(u8* memory, u32* words) {
  return touch_queue<CudaAtomics<u64, cuda::thread_scope_system>>(memory, words);
}

extern "C" __global__ void touch_device_pagerank(u8* memory, u32* result) {
  *result = touch_pagerank<double>(memory);
}

extern "C" __global__ void touch_device_wire(u8* memory, u32* result) {
  *result = touch_wire(memory, 64);
}

extern "C" __global__ void touch_device_kernels(u8* memory, u32* result) {
  *result = touch_kernels<CudaAtomics<u64, cuda::thread_scope_device>>(memory);
}

extern "C" __global__ void touch_device_grid(u8* memory) {
  __shared__ u8 group[4096];
  touch_grid(memory, group);
  LoneThread lone = {group};
  touch_grid_of<double>(memory, &lone);
  touch_grid_of<i64>(memory, &lone);
  touch_grid_of<u64>(memory, &lone);
}
