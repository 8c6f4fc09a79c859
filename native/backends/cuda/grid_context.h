// What a dispatch kernel sees on an NVIDIA GPU (the contract is in ringway/grid.h). CUDA launches whole blocks only, so the
// threads beyond the grid leave at once; a barrier is then met by those that are left, as PTX's bar.sync has it from sm_70 on.
#pragma once
#include "backends/cuda/grid_layout.h"
#include "ringway/grid.h"

namespace ringway {

class GridContext {
 public:
  __device__ explicit GridContext(const GridThreads& threads) : threads_(threads) {}

  __device__ bool inside() const {
    return thread_in_grid(0) < threads_.axes[0] && thread_in_grid(1) < threads_.axes[1] &&
           thread_in_grid(2) < threads_.axes[2];
  }

  __device__ u64 thread_in_grid(u32 axis) const {
    return u64(group_in_grid(axis)) * group_room(axis) + thread_in_group(axis);
  }
  __device__ u32 thread_in_group(u32 axis) const {
    return axis == 0 ? threadIdx.x : axis == 1 ? threadIdx.y : threadIdx.z;
  }
  __device__ u32 group_in_grid(u32 axis) const {
    return axis == 0 ? blockIdx.x : axis == 1 ? blockIdx.y : blockIdx.z;
  }
  __device__ u64 grid_size(u32 axis) const { return threads_.axes[axis]; }
  __device__ u32 group_size(u32 axis) const {
    const u32 left = threads_.axes[axis] - group_in_grid(axis) * group_room(axis);
    return left < group_room(axis) ? left : group_room(axis);
  }
  __device__ u32 group_room(u32 axis) const {
    return axis == 0 ? blockDim.x : axis == 1 ? blockDim.y : blockDim.z;
  }
  __device__ u32 groups(u32 axis) const { return axis == 0 ? gridDim.x : axis == 1 ? gridDim.y : gridDim.z; }
  __device__ u8* group_memory() const {
    extern __shared__ ulonglong2 ringway_group_memory[];  // aligned to 16 bytes
    return reinterpret_cast<u8*>(ringway_group_memory);
  }
  __device__ void barrier() const { __syncthreads(); }

 private:
  const GridThreads threads_;
};

}  // namespace ringway
