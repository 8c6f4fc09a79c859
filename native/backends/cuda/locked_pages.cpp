#include "backends/cuda/locked_pages.h"

#include <algorithm>
#include <iterator>

namespace ringway::cuda {

// Never destroyed: runtimes may outlive main().
LockedPages& LockedPages::all() {
  static auto* const one = new LockedPages;
  return *one;
}

std::vector<u64> LockedPages::lock(const CudaDriver& driver, u64 begin, u64 end, CUresult* result) {
  std::lock_guard lock(changing_);
  std::vector<u64> used, added;
  *result = CUDA_SUCCESS;
  auto next = pieces_.upper_bound(begin);
  if (next != pieces_.begin() && std::prev(next)->second.end > begin) --next;
  while (begin < end) {
    if (next != pieces_.end() && next->first <= begin) {
      used.push_back(next->first);
      begin = (next++)->second.end;
      continue;
    }
    const u64 to = next == pieces_.end() ? end : std::min(end, next->first);
    *result = driver.cuMemHostRegister(reinterpret_cast<void*>(begin), to - begin,
                                       CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP);
    if (*result != CUDA_SUCCESS) {
      for (const u64 piece : added) {
        driver.cuMemHostUnregister(reinterpret_cast<void*>(piece));
        pieces_.erase(piece);
      }
      return {};
    }
    pieces_[begin].end = to;
    used.push_back(begin);
    added.push_back(begin);
    begin = to;
  }
  for (const u64 piece : used) ++pieces_.at(piece).users;
  return used;
}

void LockedPages::unlock(const CudaDriver& driver, const std::vector<u64>& pieces) {
  std::lock_guard lock(changing_);
  for (const u64 piece : pieces) {
    if (--pieces_.at(piece).users) continue;
    driver.cuMemHostUnregister(reinterpret_cast<void*>(piece));
    pieces_.erase(piece);
  }
}

bool LockedPages::holds(u64 begin, u64 end) {
  std::lock_guard lock(changing_);
  const auto after = pieces_.lower_bound(end);
  return after != pieces_.begin() && std::prev(after)->second.end > begin;
}

}  // namespace ringway::cuda
