// histogram: counts[b] += how often b occurs among values[0 .. n - 1], for b below `bins`; counts[bins] += how many
// values are no bin. A group counts in threadgroup memory and adds what it found at its end.
#pragma once
#include "../atomics.h"
#include "../grid.h"

namespace ringway {

template <class T>
struct CountBins {
  enum : bool { kBarriers = true };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* values, RW_SHARED u32* counts, u64 n,
                        u32 bins) {
    RW_GROUP u32* found = (RW_GROUP u32*)ctx->group_memory();
    const u32 me = index_in_group(ctx);
    const u32 all = threads_in_group(ctx);
    for (u32 bin = me; bin <= bins; bin += all) found[bin] = 0;
    ctx->barrier();
    const u64 step = thread_count(ctx);
    for (u64 i = thread_index(ctx); i < n; i += step) {
      const u64 value = u64(values[i]);  // a negative one becomes a large one
      GridAtomics::add_in_group(&found[value < bins ? u32(value) : bins], 1U);
    }
    ctx->barrier();
    for (u32 bin = me; bin <= bins; bin += all) {
      if (found[bin]) GridAtomics::add(&counts[bin], found[bin]);
    }
  }
};

}  // namespace ringway
