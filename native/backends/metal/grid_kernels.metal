// The dispatch kernels of include/ringway/kernels as Metal's entry points: `name` of the declaration, then the element
// type. Buffers and scalars have the index of their position in the declaration (core/dispatch_kernels.cpp), and its names.
#include "ringway/atomics.h"
#include "ringway/kernels/elementwise.h"
#include "ringway/kernels/histogram.h"
#include "ringway/kernels/inclusive_scan.h"
#include "ringway/kernels/matrix_multiply.h"
#include "ringway/kernels/reduce_sum.h"

namespace ringway {

// What a dispatch kernel sees (the contract is in ringway/grid.h).
struct GridContext {
  uint3 in_grid, in_group, at_group, grid, group, room, all_groups;
  RW_GROUP u8* memory;
  RW_FN u64 thread_in_grid(u32 axis) const RW_PRIVATE { return in_grid[axis]; }
  RW_FN u32 thread_in_group(u32 axis) const RW_PRIVATE { return in_group[axis]; }
  RW_FN u32 group_in_grid(u32 axis) const RW_PRIVATE { return at_group[axis]; }
  RW_FN u64 grid_size(u32 axis) const RW_PRIVATE { return grid[axis]; }
  RW_FN u32 group_size(u32 axis) const RW_PRIVATE { return group[axis]; }
  RW_FN u32 group_room(u32 axis) const RW_PRIVATE { return room[axis]; }
  RW_FN u32 groups(u32 axis) const RW_PRIVATE { return all_groups[axis]; }
  RW_FN RW_GROUP u8* group_memory() const RW_PRIVATE { return memory; }
  RW_FN void barrier() RW_PRIVATE {
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup | metal::mem_flags::mem_device);
  }
};

}  // namespace ringway

using namespace ringway;

#define RW_POSITION                                                                             \
  uint3 in_grid [[thread_position_in_grid]], uint3 in_group [[thread_position_in_threadgroup]], \
      uint3 at_group [[threadgroup_position_in_grid]], uint3 grid [[threads_per_grid]],         \
      uint3 group [[threads_per_threadgroup]], uint3 room [[dispatch_threads_per_threadgroup]], \
      uint3 all_groups [[threadgroups_per_grid]]
#define RW_CONTEXT(memory) \
  GridContext context = {in_grid, in_group, at_group, grid, group, room, all_groups, memory}

template <class T>
kernel void thread_id(RW_SHARED T* out [[buffer(0)]], RW_POSITION) {
  RW_CONTEXT(nullptr);
  ThreadId<T>::run(&context, out);
}
template <class T>
kernel void vector_add(RW_SHARED const T* a [[buffer(0)]], RW_SHARED const T* b [[buffer(1)]],
                       RW_SHARED T* out [[buffer(2)]], RW_POSITION) {
  RW_CONTEXT(nullptr);
  VectorAdd<T>::run(&context, a, b, out);
}
template <class T>
kernel void vector_scale(RW_SHARED const T* a [[buffer(0)]], RW_SHARED T* out [[buffer(1)]],
                         constant T& factor [[buffer(2)]], RW_POSITION) {
  RW_CONTEXT(nullptr);
  VectorScale<T>::run(&context, a, out, factor);
}
template <class T>
kernel void double_in_place(RW_SHARED T* values [[buffer(0)]], RW_POSITION) {
  RW_CONTEXT(nullptr);
  DoubleInPlace<T>::run(&context, values);
}
template <class T>
kernel void matrix_multiply(RW_SHARED const T* a [[buffer(0)]], RW_SHARED const T* b [[buffer(1)]],
                            RW_SHARED T* out [[buffer(2)]], constant u32& inner [[buffer(3)]],
                            RW_GROUP u8* memory [[threadgroup(0)]], RW_POSITION) {
  RW_CONTEXT(memory);
  MatrixMultiply<T>::run(&context, a, b, out, inner);
}
template <class T>
kernel void reduce_sum(RW_SHARED const T* values [[buffer(0)]], RW_SHARED T* total [[buffer(1)]],
                       constant u64& n [[buffer(2)]], RW_GROUP u8* memory [[threadgroup(0)]], RW_POSITION) {
  RW_CONTEXT(memory);
  ReduceSum<T>::run(&context, values, total, n);
}
// Of two passes, this is the first: the sum of each group.
template <class T>
kernel void inclusive_scan_sums(RW_SHARED const T* values [[buffer(0)]], RW_SHARED T* out [[buffer(1)]],
                                RW_SHARED T* group_sums [[buffer(2)]], constant u64& n [[buffer(3)]],
                                RW_GROUP u8* memory [[threadgroup(0)]], RW_POSITION) {
  RW_CONTEXT(memory);
  InclusiveScanSums<T>::run(&context, values, out, group_sums, n);
}
template <class T>
kernel void inclusive_scan(RW_SHARED const T* values [[buffer(0)]], RW_SHARED T* out [[buffer(1)]],
                           RW_SHARED T* group_sums [[buffer(2)]], constant u64& n [[buffer(3)]],
                           RW_GROUP u8* memory [[threadgroup(0)]], RW_POSITION) {
  RW_CONTEXT(memory);
  InclusiveScan<T>::run(&context, values, out, group_sums, n);
}
template <class T>
kernel void histogram(RW_SHARED const T* values [[buffer(0)]], RW_SHARED u32* counts [[buffer(1)]],
                      constant u64& n [[buffer(2)]], constant u32& bins [[buffer(3)]],
                      RW_GROUP u8* memory [[threadgroup(0)]], RW_POSITION) {
  RW_CONTEXT(memory);
  CountBins<T>::run(&context, values, counts, n, bins);
}

#define RW_KERNEL(name, element, T) \
  template [[host_name(#name "_" #element)]] [[kernel]] decltype(name<T>) name<T>;
#define RW_NUMBERS(name)          \
  RW_KERNEL(name, float32, float) \
  RW_KERNEL(name, int32, i32)     \
  RW_KERNEL(name, uint32, u32)    \
  RW_KERNEL(name, int64, i64)     \
  RW_KERNEL(name, uint64, u64)
RW_KERNEL(thread_id, uint32, u32)
RW_KERNEL(thread_id, uint64, u64)
RW_NUMBERS(vector_add)
RW_NUMBERS(vector_scale)
RW_NUMBERS(double_in_place)
RW_NUMBERS(matrix_multiply)
RW_NUMBERS(reduce_sum)
RW_NUMBERS(inclusive_scan_sums)
RW_NUMBERS(inclusive_scan)
RW_KERNEL(histogram, uint8, u8)
RW_KERNEL(histogram, uint16, u16)
RW_KERNEL(histogram, int32, i32)
RW_KERNEL(histogram, uint32, u32)
RW_KERNEL(histogram, int64, i64)
RW_KERNEL(histogram, uint64, u64)
