// Entry points of the dispatch kernels: the portable bodies, once for each element type, under the kernel's name and the
// type's. Parameters: the grid's threads, then the declared arguments in their order (core/dispatch_kernels.cpp).
#include "backends/cuda/grid_context.h"
#include "ringway/kernels/elementwise.h"
#include "ringway/kernels/histogram.h"
#include "ringway/kernels/inclusive_scan.h"
#include "ringway/kernels/matrix_multiply.h"
#include "ringway/kernels/reduce_sum.h"

using namespace ringway;

template <class Kernel, class... A>
__device__ void run_thread(const GridThreads& threads, A... arguments) {
  GridContext context(threads);
  if (context.inside()) Kernel::run(&context, arguments...);
}

// Who runs these entries on a host (tests/cuda/fake_driver) brings its own, which lists them as well.
#ifndef RINGWAY_ENTRY
#define RINGWAY_ENTRY(name, ...) extern "C" __global__ void name(__VA_ARGS__)
#endif

#define RINGWAY_THREAD_ID(T, type)                            \
  RINGWAY_ENTRY(thread_id_##type, GridThreads grid, T* out) { \
    run_thread<ThreadId<T>>(grid, out);                       \
  }

#define RINGWAY_NUMBERS(T, type)                                                                          \
  RINGWAY_ENTRY(vector_add_##type, GridThreads grid, const T* a, const T* b, T* out) {                    \
    run_thread<VectorAdd<T>>(grid, a, b, out);                                                            \
  }                                                                                                       \
  RINGWAY_ENTRY(vector_scale_##type, GridThreads grid, const T* a, T* out, T factor) {                    \
    run_thread<VectorScale<T>>(grid, a, out, factor);                                                     \
  }                                                                                                       \
  RINGWAY_ENTRY(double_in_place_##type, GridThreads grid, T* values) {                                    \
    run_thread<DoubleInPlace<T>>(grid, values);                                                           \
  }                                                                                                       \
  RINGWAY_ENTRY(matrix_multiply_##type, GridThreads grid, const T* a, const T* b, T* out, u32 inner) {    \
    run_thread<MatrixMultiply<T>>(grid, a, b, out, inner);                                                \
  }                                                                                                       \
  RINGWAY_ENTRY(reduce_sum_##type, GridThreads grid, const T* values, T* total, u64 n) {                  \
    run_thread<ReduceSum<T>>(grid, values, total, n);                                                     \
  }                                                                                                       \
  RINGWAY_ENTRY(inclusive_scan_sums_##type, GridThreads grid, const T* values, T* out, T* group_sums,     \
                u64 n) {                                                                                  \
    run_thread<InclusiveScanSums<T>>(grid, values, out, group_sums, n);                                   \
  }                                                                                                       \
  RINGWAY_ENTRY(inclusive_scan_##type, GridThreads grid, const T* values, T* out, T* group_sums, u64 n) { \
    run_thread<InclusiveScan<T>>(grid, values, out, group_sums, n);                                       \
  }

#define RINGWAY_HISTOGRAM(T, type)                                                                   \
  RINGWAY_ENTRY(histogram_##type, GridThreads grid, const T* values, u32* counts, u64 n, u32 bins) { \
    run_thread<CountBins<T>>(grid, values, counts, n, bins);                                         \
  }

RINGWAY_THREAD_ID(u32, uint32)
RINGWAY_THREAD_ID(u64, uint64)
RINGWAY_NUMBERS(float, float32)
RINGWAY_NUMBERS(double, float64)
RINGWAY_NUMBERS(i32, int32)
RINGWAY_NUMBERS(u32, uint32)
RINGWAY_NUMBERS(i64, int64)
RINGWAY_NUMBERS(u64, uint64)
RINGWAY_HISTOGRAM(u8, uint8)
RINGWAY_HISTOGRAM(u16, uint16)
RINGWAY_HISTOGRAM(i32, int32)
RINGWAY_HISTOGRAM(u32, uint32)
RINGWAY_HISTOGRAM(i64, int64)
RINGWAY_HISTOGRAM(u64, uint64)
