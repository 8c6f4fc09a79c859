// reduce_sum: total[0] += values[0] + ... + values[n - 1]. Each thread adds every thread_count-th element, a group adds
// up its threads in threadgroup memory, and its first thread adds the group's sum to the total by one atomic addition.
// The order of the groups is open, and with it the last digits of a sum of floating-point numbers.
#pragma once
#include "../atomics.h"
#include "group_sum.h"

namespace ringway {

template <class T>
struct ReduceSum {
  enum : bool { kBarriers = true };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* values, RW_SHARED T* total, u64 n) {
    const u64 step = thread_count(ctx);
    T sum = T(0);
    for (u64 i = thread_index(ctx); i < n; i += step) sum = add_wrapped(sum, values[i]);
    sum = group_sum(ctx, (RW_GROUP T*)ctx->group_memory(), sum);
    if (index_in_group(ctx) == 0) GridAtomics::add(total, sum);
  }
};

}  // namespace ringway
