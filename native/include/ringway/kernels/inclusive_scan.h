// inclusive_scan: out[i] = values[0] + ... + values[i], in two passes, reduce then scan (D. Merrill and A. Grimshaw,
// "Parallel scan for stream architectures", University of Virginia CS2009-14, 2009): no group waits for another, which
// not every device would bear. Every thread owns a run of neighbouring elements. The first pass leaves each group's sum;
// in the second a group adds up the sums before its own, its threads find what lies before them in the group
// (group_sum_before), and each walks its run. Sums are added in an order that the grid alone decides.
#pragma once
#include "group_sum.h"

namespace ringway {

// The elements of one thread, of a grid of one axis.
struct ScanRun {
  u64 begin, end;
};

template <class Ctx>
RW_FN ScanRun scan_run(RW_PRIVATE const Ctx* ctx, u64 n) {
  const u64 threads = ctx->grid_size(0);
  const u64 length = n / threads + (n % threads ? 1 : 0);
  ScanRun run;
  run.begin = ctx->thread_in_grid(0) * length;
  if (run.begin > n) run.begin = n;
  run.end = n - run.begin < length ? n : run.begin + length;
  return run;
}

template <class T>
RW_FN T scan_run_sum(ScanRun run, RW_SHARED const T* values) {
  T sum = T(0);
  for (u64 i = run.begin; i < run.end; ++i) sum = add_wrapped(sum, values[i]);
  return sum;
}

template <class T>
struct InclusiveScanSums {
  enum : bool { kBarriers = true };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* values, RW_SHARED T*, RW_SHARED T* group_sums,
                        u64 n) {
    const T own = scan_run_sum(scan_run(ctx, n), values);
    const T sum = group_sum(ctx, (RW_GROUP T*)ctx->group_memory(), own);
    if (index_in_group(ctx) == 0) group_sums[ctx->group_in_grid(0)] = sum;
  }
};

template <class T>
struct InclusiveScan {
  enum : bool { kBarriers = true };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* values, RW_SHARED T* out,
                        RW_SHARED T* group_sums, u64 n) {
    RW_GROUP T* memory = (RW_GROUP T*)ctx->group_memory();
    T before = T(0);
    const u32 step = threads_in_group(ctx);
    for (u32 i = index_in_group(ctx); i < ctx->group_in_grid(0); i += step)
      before = add_wrapped(before, group_sums[i]);
    before = group_sum(ctx, memory, before);
    const ScanRun own = scan_run(ctx, n);
    T sum = add_wrapped(before, group_sum_before(ctx, memory, scan_run_sum(own, values)));
    for (u64 i = own.begin; i < own.end; ++i) {
      sum = add_wrapped(sum, values[i]);
      out[i] = sum;
    }
  }
};

}  // namespace ringway
