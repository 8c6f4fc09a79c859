#include "backends/cuda/shown_buffers.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "backends/cuda/errors.h"
#include "backends/cuda/locked_pages.h"
#include "backends/cuda/memory.h"
#include "core/log.h"

namespace ringway::cuda {
namespace {

u64 page_bytes() {
  static const u64 bytes = u64(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

ShownBuffers::~ShownBuffers() {
  const Current current(*context_);
  lock_pages({});
}

// Two buffers may share a page.
void ShownBuffers::lock_pages(const Pages& wanted) {
  const CudaDriver& driver = context_->driver;
  std::map<std::pair<u64, u64>, std::vector<u64>> locked;
  for (const auto& range : wanted) {
    const auto held = locked_.find(range);
    if (held == locked_.end()) continue;
    locked.insert(*held);
    locked_.erase(held);
  }
  // What is left of them goes first: what is wanted now may be cut otherwise.
  for (const auto& [range, pieces] : locked_) LockedPages::all().unlock(driver, pieces);
  locked_ = std::move(locked);
  for (const auto& range : wanted) {
    if (locked_.count(range)) continue;
    CUresult result = CUDA_SUCCESS;
    std::vector<u64> pieces = LockedPages::all().lock(driver, range.first, range.second, &result);
    if (result == CUDA_SUCCESS) {
      locked_[range] = std::move(pieces);
    } else {
      log::warning({"buffer"}, [&, from = range.first, bytes = range.second - range.first] {
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
  std::vector<std::pair<u64, u64>> ranges;
  for (const BufferTable::Named& one : all) {
    const u64 at = reinterpret_cast<u64>(one.data), page = page_bytes();
    // What another runtime has locked is used by this one as well, and so stays.
    const bool ours = LockedPages::all().holds(at, at + one.bytes);
    if (!one.bytes || (!ours && device_place(driver, one.data, one.bytes).address)) continue;
    ranges.emplace_back(at / page * page, (at + one.bytes + page - 1) / page * page);
  }
  std::sort(ranges.begin(), ranges.end());
  Pages wanted;
  for (const auto& [begin, end] : ranges) {
    if (!wanted.empty() && begin < wanted.back().second) {
      wanted.back().second = std::max(wanted.back().second, end);
    } else {
      wanted.emplace_back(begin, end);
    }
  }
  lock_pages(wanted);

  const auto address_of = [&](const BufferTable::Named& one) -> u64 {
    const u64 at = reinterpret_cast<u64>(one.data);
    const auto after = locked_.upper_bound({at, ~u64(0)});
    // In pieces, maybe, which lie at the addresses of the host one after the other.
    if (after != locked_.begin() && std::prev(after)->first.second >= at + one.bytes)
      return device_place(driver, one.data, 1).address;
    return device_place(driver, one.data, one.bytes).address;
  };
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
    const u64 address = one.bytes ? address_of(one) : table_.address();
    if (address) table[u32(one.handle)] = {one.handle, address, one.bytes};
  }
  entries_ = entries;
  atomic::store_relaxed(&seen_, changes);
}

}  // namespace ringway::cuda
