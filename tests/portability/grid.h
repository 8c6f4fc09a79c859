// Every dispatch kernel, for the element types that every backend has.
#pragma once
#include "ringway/kernels/elementwise.h"
#include "ringway/kernels/histogram.h"
#include "ringway/kernels/inclusive_scan.h"
#include "ringway/kernels/matrix_multiply.h"
#include "ringway/kernels/reduce_sum.h"

namespace ringway {

// One thread alone in its grid.
struct LoneThread {
  RW_GROUP u8* memory;
  RW_FN u64 thread_in_grid(u32) const RW_PRIVATE { return 0; }
  RW_FN u32 thread_in_group(u32) const RW_PRIVATE { return 0; }
  RW_FN u32 group_in_grid(u32) const RW_PRIVATE { return 0; }
  RW_FN u64 grid_size(u32) const RW_PRIVATE { return 1; }
  RW_FN u32 group_size(u32) const RW_PRIVATE { return 1; }
  RW_FN u32 group_room(u32) const RW_PRIVATE { return 1; }
  RW_FN u32 groups(u32) const RW_PRIVATE { return 1; }
  RW_FN RW_GROUP u8* group_memory() const RW_PRIVATE { return memory; }
  RW_FN void barrier() RW_PRIVATE {}
};

template <class T>
RW_FN void touch_grid_of(RW_SHARED u8* memory, RW_PRIVATE LoneThread* lone) {
  RW_SHARED T* a = (RW_SHARED T*)memory;
  RW_SHARED T* b = a + 1;
  ThreadId<T>::run(lone, a);
  VectorAdd<T>::run(lone, a, a, b);
  VectorScale<T>::run(lone, a, b, T(2));
  DoubleInPlace<T>::run(lone, a);
  MatrixMultiply<T>::run(lone, a, a, b, 1);
  ReduceSum<T>::run(lone, a, b, 1);
  InclusiveScanSums<T>::run(lone, a, a, b, 1);
  InclusiveScan<T>::run(lone, a, a, b, 1);
}

RW_FN void touch_grid(RW_SHARED u8* memory, RW_GROUP u8* group) {
  LoneThread lone;
  lone.memory = group;
  touch_grid_of<float>(memory, &lone);
  touch_grid_of<i32>(memory, &lone);
  touch_grid_of<u32>(memory, &lone);
  CountBins<u32>::run(&lone, (RW_SHARED const u32*)memory, (RW_SHARED u32*)memory, 1, 1);
}

}  // namespace ringway
