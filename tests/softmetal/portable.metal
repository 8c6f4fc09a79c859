// The portable headers of ringway as kernels: every dispatch kernel for three element types, and a queue.
#include "ringway/atomics.h"
#include "ringway/kernels/elementwise.h"
#include "ringway/kernels/histogram.h"
#include "ringway/kernels/inclusive_scan.h"
#include "ringway/kernels/matrix_multiply.h"
#include "ringway/kernels/reduce_sum.h"
#include "ringway/slot_queue.h"

#include "kernels.h"
#include "pagerank.h"
#include "queue.h"
#include "wire.h"

namespace ringway {

struct MetalContext {
  uint3 in_grid, in_group, at_group, grid, group, full, all_groups;
  RW_GROUP u8* memory;
  RW_FN u64 thread_in_grid(u32 axis) const RW_PRIVATE { return in_grid[axis]; }
  RW_FN u32 thread_in_group(u32 axis) const RW_PRIVATE { return in_group[axis]; }
  RW_FN u32 group_in_grid(u32 axis) const RW_PRIVATE { return at_group[axis]; }
  RW_FN u64 grid_size(u32 axis) const RW_PRIVATE { return grid[axis]; }
  RW_FN u32 group_size(u32 axis) const RW_PRIVATE { return group[axis]; }
  RW_FN u32 group_room(u32 axis) const RW_PRIVATE { return full[axis]; }
  RW_FN u32 groups(u32 axis) const RW_PRIVATE { return all_groups[axis]; }
  RW_FN RW_GROUP u8* group_memory() const RW_PRIVATE { return memory; }
  RW_FN void barrier() RW_PRIVATE {
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup | metal::mem_flags::mem_device);
  }
};

}  // namespace ringway

#define RW_POSITION                                                                             \
  uint3 in_grid [[thread_position_in_grid]], uint3 in_group [[thread_position_in_threadgroup]], \
      uint3 at_group [[threadgroup_position_in_grid]], uint3 grid [[threads_per_grid]],         \
      uint3 group [[threads_per_threadgroup]], uint3 full [[dispatch_threads_per_threadgroup]], \
      uint3 all_groups [[threadgroups_per_grid]]
#define RW_CONTEXT(memory) \
  ringway::MetalContext context = {in_grid, in_group, at_group, grid, group, full, all_groups, memory}

template <class T>
kernel void vector_add(RW_SHARED const T* a [[buffer(0)]], RW_SHARED const T* b [[buffer(1)]],
                       RW_SHARED T* out [[buffer(2)]], RW_POSITION) {
  RW_CONTEXT(nullptr);
  ringway::VectorAdd<T>::run(&context, a, b, out);
}
template <class T>
kernel void reduce_sum(RW_SHARED const T* values [[buffer(0)]], RW_SHARED T* total [[buffer(1)]],
                       constant ulong& n [[buffer(2)]], threadgroup uchar* memory [[threadgroup(0)]],
                       RW_POSITION) {
  RW_CONTEXT(memory);
  ringway::ReduceSum<T>::run(&context, values, total, n);
}
template <class T>
kernel void matrix_multiply(RW_SHARED const T* a [[buffer(0)]], RW_SHARED const T* b [[buffer(1)]],
                            RW_SHARED T* out [[buffer(2)]], constant uint& inner [[buffer(3)]],
                            threadgroup uchar* memory [[threadgroup(0)]], RW_POSITION) {
  RW_CONTEXT(memory);
  ringway::MatrixMultiply<T>::run(&context, a, b, out, inner);
}
#define RW_INSTANCES(name)                                                             \
  template [[host_name(#name "_float")]] [[kernel]] decltype(name<float>) name<float>; \
  template [[host_name(#name "_int")]] [[kernel]] decltype(name<int>) name<int>;
RW_INSTANCES(vector_add)
RW_INSTANCES(reduce_sum)
RW_INSTANCES(matrix_multiply)

// Some threadgroups send, the others receive; all give up after so many looks and are sent again by the host.
struct Plan {
  uint each, producers, looks;
};
kernel void exchange(RW_SHARED uchar* memory [[buffer(0)]], device uint* progress [[buffer(1)]],
                     device metal::atomic_uint* seen [[buffer(2)]],
                     device metal::atomic_uint* wrong [[buffer(3)]], constant Plan& plan [[buffer(4)]],
                     uint g [[threadgroup_position_in_grid]]) {
  typedef ringway::MetalAtomics A;
  RW_SHARED ringway::QueueHeader<A>* header = (RW_SHARED ringway::QueueHeader<A>*)memory;
  const ringway::Ring<A> ring = ringway::attach<A>(header, memory + sizeof(ringway::QueueHeader<A>));
  uint words[14], done = progress[g];
  if (g < plan.producers) {
    ringway::Producer<A, true> producer;
    producer.open(ring);
    for (uint look = 0; look < plan.looks && done < plan.each; ++look) {
      for (uint w = 0; w < 14; ++w) words[w] = g * plan.each + done + w;
      done += producer.push(words, 4 + done % 14 * 4);
    }
  } else {
    ringway::Consumer<A, true> consumer;
    consumer.open(ring);
    for (uint look = 0; look < plan.looks; ++look) {
      const int bytes = consumer.pop(words);
      if (bytes < 0) continue;
      bool good = words[0] < plan.each * plan.producers && uint(bytes) == 4 + words[0] % plan.each % 14 * 4;
      for (uint w = 1; good && w < uint(bytes) / 4; ++w) good = words[w] == words[0] + w;
      metal::atomic_fetch_add_explicit(good ? &seen[words[0]] : wrong, 1u, metal::memory_order_relaxed);
      ++done;
    }
  }
  progress[g] = done;
}
kernel void seal_queue(RW_SHARED uchar* memory [[buffer(0)]]) {
  typedef ringway::MetalAtomics A;
  ringway::seal(ringway::attach<A>((RW_SHARED ringway::QueueHeader<A>*)memory,
                                   memory + sizeof(ringway::QueueHeader<A>)));
}

kernel void touch(RW_SHARED uchar* memory [[buffer(0)]], device uint* result [[buffer(1)]]) {
  uint words[16];
  *result = ringway::touch_queue<ringway::MetalAtomics>(memory, words) +
            ringway::touch_pagerank<float>(memory) + ringway::touch_wire(memory, 64) +
            ringway::touch_kernels<ringway::MetalAtomics>(memory);
}
