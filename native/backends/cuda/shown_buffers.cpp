#include "backends/cuda/shown_buffers.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "backends/cuda/errors.h"
#include "backends/cuda/memory.h"
#include "core/log.h"

namespace ringway::cuda {
namespace {

constexpr u64 kPage = 4096;

}  // namespace

ShownBuffers::~ShownBuffers() {
  const Current current(*context_);
  lock_pages({});
}

// Two buffers may share a page, which CUDA locks once only.
void ShownBuffers::lock_pages(const Pages& wanted) {
  const CudaDriver& driver = context_->driver;
  for (auto held = locked_.begin(); held != locked_.end();) {
    const auto kept = wanted.find(held->first);
    if (kept != wanted.end() && kept->second == held->second) {
      ++held;
      continue;
    }
    driver.cuMemHostUnregister(reinterpret_cast<void*>(held->first));
    held = locked_.erase(held);
  }
  for (const auto& [begin, end] : wanted) {
    if (locked_.count(begin)) continue;
    const CUresult result =
        driver.cuMemHostRegister(reinterpret_cast<void*>(begin), end - begin,
                                 CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP);
    if (result == CUDA_SUCCESS) {
      locked_[begin] = end;
    } else {
      log::warning({"buffer"}, [&, from = begin, bytes = end - begin] {
        return "CUDA does not lock the " + std::to_string(bytes) + " bytes at " + std::to_string(from) +
               ", where a buffer lies: " + text_of(driver, result) +
               "; kernels will not find it; use Runtime.buffer(nbytes)";
      });
    }
  }
}

void ShownBuffers::renew() {
  const Current current(*context_);
  const CudaDriver& driver = context_->driver;
  const u64 changes = buffers_.changes();
  const std::vector<BufferTable::Named> all = buffers_.list();
  const auto locked_by_us = [&](const u8* data) {
    const auto after = locked_.upper_bound(reinterpret_cast<u64>(data));
    return after != locked_.begin() && std::prev(after)->second > reinterpret_cast<u64>(data);
  };
  std::vector<std::pair<u64, u64>> ranges;
  for (const BufferTable::Named& one : all) {
    if (!one.bytes || (device_place(driver, one.data).address && !locked_by_us(one.data))) continue;
    const u64 begin = reinterpret_cast<u64>(one.data) / kPage * kPage;
    ranges.emplace_back(begin, (reinterpret_cast<u64>(one.data) + one.bytes + kPage - 1) / kPage * kPage);
  }
  std::sort(ranges.begin(), ranges.end());
  Pages wanted;
  for (const auto& [begin, end] : ranges) {
    if (!wanted.empty() && begin < wanted.rbegin()->second) {
      wanted.rbegin()->second = std::max(wanted.rbegin()->second, end);
    } else {
      wanted[begin] = end;
    }
  }
  lock_pages(wanted);

  u32 entries = 0;
  for (const BufferTable::Named& one : all) entries = std::max(entries, u32(one.handle) + 1);
  if (entries > room_) {
    const u32 room = std::bit_ceil(entries);
    RingPiece larger(memory_, room * sizeof(SliceBuffer));
    if (!larger) {
      memory_->grow(room * sizeof(SliceBuffer));
      larger = RingPiece(memory_, room * sizeof(SliceBuffer));
    }
    table_ = std::move(larger);
    room_ = room;
  }
  auto* const table = table_.as<SliceBuffer>();
  std::fill_n(table, room_, SliceBuffer{});
  for (const BufferTable::Named& one : all) {
    // Of nothing there is no address that would be followed.
    const u64 address = one.bytes ? device_place(driver, one.data).address : table_.address();
    if (address) table[u32(one.handle)] = {one.handle, address, one.bytes};
  }
  entries_ = entries;
  atomic::store_relaxed(&seen_, changes);
}

}  // namespace ringway::cuda
