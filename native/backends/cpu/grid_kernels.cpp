#include "backends/cpu/grid_kernels.h"

#include <deque>

#include "ringway/kernels/elementwise.h"
#include "ringway/kernels/histogram.h"
#include "ringway/kernels/inclusive_scan.h"
#include "ringway/kernels/matrix_multiply.h"
#include "ringway/kernels/reduce_sum.h"

namespace ringway::cpu {
namespace {

using Table = std::deque<GridEntry>;

template <class T>
void add_numbers(Table& all) {
  constexpr DType kElement = dtype_of<T>();
  all.push_back(grid_kernel<VectorAdd<T>>("vector_add", kElement));
  all.push_back(grid_kernel<VectorScale<T>>("vector_scale", kElement));
  all.push_back(grid_kernel<DoubleInPlace<T>>("double_in_place", kElement));
  all.push_back(grid_kernel<MatrixMultiply<T>>("matrix_multiply", kElement));
  all.push_back(grid_kernel<ReduceSum<T>>("reduce_sum", kElement));
  all.push_back(grid_kernel<InclusiveScanSums<T>, InclusiveScan<T>>("inclusive_scan", kElement));
}

template <class T>
void add_histogram(Table& all) {
  all.push_back(grid_kernel<CountBins<T>>("histogram", dtype_of<T>()));
}

Table& table() {
  static Table* const filled = [] {
    auto* all = new Table;
    all->push_back(grid_kernel<ThreadId<u32>>("thread_id", DType::kU32));
    all->push_back(grid_kernel<ThreadId<u64>>("thread_id", DType::kU64));
    add_numbers<float>(*all);
    add_numbers<double>(*all);
    add_numbers<i32>(*all);
    add_numbers<u32>(*all);
    add_numbers<i64>(*all);
    add_numbers<u64>(*all);
    add_histogram<u8>(*all);
    add_histogram<u16>(*all);
    add_histogram<i32>(*all);
    add_histogram<u32>(*all);
    add_histogram<i64>(*all);
    add_histogram<u64>(*all);
    return all;
  }();
  return *filled;
}

}  // namespace

const GridEntry* find_grid_entry(const std::string& kernel, DType element) {
  for (const GridEntry& entry : table()) {
    if (entry.element == element && entry.name == kernel) return &entry;
  }
  return nullptr;
}

void add_grid_entry(GridEntry entry) {
  for (GridEntry& other : table()) {
    if (other.element == entry.element && other.name == entry.name) {
      other = std::move(entry);
      return;
    }
  }
  table().push_back(std::move(entry));
}

}  // namespace ringway::cpu
