// What the threads of a group add up together in threadgroup memory.
#pragma once
#include "../grid.h"

namespace ringway {

// The sum of every thread's value, to every thread, by halving: each step adds the upper half of the values that are
// left to the lower. `memory` holds one T per thread, and may be used again at once.
template <class T, class Ctx>
RW_FN T group_sum(RW_PRIVATE Ctx* ctx, RW_GROUP T* memory, T value) {
  const u32 me = index_in_group(ctx);
  memory[me] = value;
  ctx->barrier();
  for (u32 left = threads_in_group(ctx); left > 1;) {
    const u32 rest = (left + 1) / 2;  // the middle one of an odd number stays
    if (me + rest < left) memory[me] = add_wrapped(memory[me], memory[me + rest]);
    ctx->barrier();
    left = rest;
  }
  const T sum = memory[0];
  ctx->barrier();
  return sum;
}

// The sum of the values of the threads before this one, by doubling: in step s every thread adds what stands 2^s threads
// before it (W. D. Hillis and G. L. Steele, "Data parallel algorithms", Communications of the ACM 29(12), 1986). `memory`
// holds two T per thread.
template <class T, class Ctx>
RW_FN T group_sum_before(RW_PRIVATE Ctx* ctx, RW_GROUP T* memory, T value) {
  const u32 me = index_in_group(ctx);
  const u32 all = threads_in_group(ctx);
  RW_GROUP T* from = memory;
  RW_GROUP T* to = memory + all;
  from[me] = value;
  ctx->barrier();
  for (u32 distance = 1; distance < all; distance *= 2) {
    to[me] = me < distance ? from[me] : add_wrapped(from[me], from[me - distance]);
    ctx->barrier();
    RW_GROUP T* swapped = from;
    from = to;
    to = swapped;
  }
  return me ? from[me - 1] : T(0);
}

}  // namespace ringway
