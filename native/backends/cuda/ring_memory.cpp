#include "backends/cuda/ring_memory.h"

#include <algorithm>
#include <iterator>

#include "backends/cuda/errors.h"
#include "ringway/layout.h"

namespace ringway::cuda {
namespace {

constexpr u64 kChunk = u64(16) << 20;

u64 rounded(u64 bytes) {
  return (std::max<u64>(bytes, 1) + kIndexLine - 1) / kIndexLine * kIndexLine;
}

}  // namespace

RingMemory::RingMemory(std::shared_ptr<const CudaContext> context, Where where)
    : context_(std::move(context)), where_(where) {}

RingMemory::~RingMemory() {
  const Current current(*context_);
  for (const auto& [address, bytes] : chunks_) {
    if (where_ == Where::kHost) {
      context_->driver.cuMemFreeHost(reinterpret_cast<void*>(address));
    } else {
      context_->driver.cuMemFree(address);
    }
  }
}

bool RingMemory::fits(u64 bytes) {
  std::lock_guard lock(changing_);
  return std::any_of(free_.begin(), free_.end(),
                     [&](const auto& piece) { return piece.second >= rounded(bytes); });
}

u64 RingMemory::take(u64 bytes) {
  const u64 wanted = rounded(bytes);
  std::lock_guard lock(changing_);
  const auto found =
      std::find_if(free_.begin(), free_.end(), [&](const auto& piece) { return piece.second >= wanted; });
  if (found == free_.end()) return 0;
  const auto [address, room] = *found;
  free_.erase(found);
  if (room > wanted) free_[address + wanted] = room - wanted;
  taken_[address] = wanted;
  return address;
}

void RingMemory::give_back(u64 address) {
  std::lock_guard lock(changing_);
  const auto taken = taken_.find(address);
  auto here = free_.insert(*taken).first;
  taken_.erase(taken);
  // Chunks that happen to be neighbours stay apart: each goes back as a whole.
  const auto next = std::next(here);
  if (next != free_.end() && here->first + here->second == next->first && !chunks_.count(next->first)) {
    here->second += next->second;
    free_.erase(next);
  }
  if (here == free_.begin() || chunks_.count(here->first)) return;
  const auto before = std::prev(here);
  if (before->first + before->second != here->first) return;
  before->second += here->second;
  free_.erase(here);
}

void RingMemory::grow(u64 bytes) {
  const u64 size = std::max(rounded(bytes), kChunk);
  const Current current(*context_);
  const CudaDriver& driver = context_->driver;
  u64 address = 0;
  if (where_ == Where::kHost) {
    void* memory = nullptr;
    ensure(driver, driver.cuMemHostAlloc(&memory, size, CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP),
           "no page-locked memory for ring kernels: " + std::to_string(size) + " bytes");
    address = reinterpret_cast<u64>(memory);
  } else {
    CUdeviceptr memory = 0;
    ensure(driver, driver.cuMemAlloc(&memory, size),
           "no memory for ring kernels: " + std::to_string(size) + " bytes on " + context_->gpu.name);
    address = memory;
  }
  std::lock_guard lock(changing_);
  chunks_[address] = size;
  free_[address] = size;
}

}  // namespace ringway::cuda
