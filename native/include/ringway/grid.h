// The contract between a dispatch kernel and the grid of threads that runs it.
//
// A kernel is a struct whose entry is run once by every thread of the grid, with the kernel's arguments in the order of
// its declaration (core/dispatch_kernels.cpp): buffers as pointers to shared memory, scalars by value.
//
//   template <class T>
//   struct VectorAdd {
//     enum : bool { kBarriers = false };
//     template <class Ctx>
//     static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* a, RW_SHARED const T* b, RW_SHARED T* out);
//   };
//
// A grid of exactly the threads that were asked for is cut into groups; the groups at its far edges may have fewer
// threads. So a kernel guards against nothing, and a barrier is reached by all threads of its group or by none.
//
// What a context offers, the same names on every backend; axis 0 (x) is the fastest:
//   u64  thread_in_grid(axis)           position of this thread in the grid
//   u32  thread_in_group(axis)          and in its group
//   u32  group_in_grid(axis)            position of the group among the groups
//   u64  grid_size(axis)                threads of the grid
//   u32  group_size(axis)               threads of this group
//   u32  group_room(axis)               threads of a group that is not at an edge
//   u32  groups(axis)                   groups of the grid
//   RW_GROUP u8* group_memory()         threadgroup memory, aligned to 16 bytes, contents undefined
//   void barrier()                      only with kBarriers: all threads of the group have come here, and see what
//                                       the others wrote before
// Between groups nothing is ordered but by the end of the dispatch, or of a pass where a kernel has several.
#pragma once
#include "config.h"
#include "wrapping.h"

namespace ringway {

enum : u32 { kMostGroupThreads = 1024, kMostGroupBytes = 32768 };

// Threads are numbered row by row.
template <class Ctx>
RW_FN u64 thread_index(RW_PRIVATE const Ctx* ctx) {
  return (ctx->thread_in_grid(2) * ctx->grid_size(1) + ctx->thread_in_grid(1)) * ctx->grid_size(0) +
         ctx->thread_in_grid(0);
}
template <class Ctx>
RW_FN u64 thread_count(RW_PRIVATE const Ctx* ctx) {
  return ctx->grid_size(2) * ctx->grid_size(1) * ctx->grid_size(0);
}
template <class Ctx>
RW_FN u32 index_in_group(RW_PRIVATE const Ctx* ctx) {
  return (ctx->thread_in_group(2) * ctx->group_size(1) + ctx->thread_in_group(1)) * ctx->group_size(0) +
         ctx->thread_in_group(0);
}
template <class Ctx>
RW_FN u32 threads_in_group(RW_PRIVATE const Ctx* ctx) {
  return ctx->group_size(2) * ctx->group_size(1) * ctx->group_size(0);
}

}  // namespace ringway
