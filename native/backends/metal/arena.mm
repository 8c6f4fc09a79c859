#include "backends/metal/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "backends/metal/errors.h"
#include "backends/metal/memory.h"
#include "backends/metal/platform.h"
#include "core/error.h"

namespace ringway::metal {
namespace {

constexpr u64 kMostReserved = u64(1) << 36, kLeastReserved = u64(1) << 28;
constexpr u64 kFirst = u64(1) << 20;

u64 rounded(u64 bytes, u64 to) {
  return (bytes + to - 1) / to * to;
}

[[noreturn]] void refuse(u64 bytes, const std::string& why) {
  throw Error(ErrorKind::kOutOfMemory,
              "queues and states of the ring kernels need " + std::to_string(bytes) + " bytes on the GPU, " +
                  why + "; launch with smaller queues (capacity, slot_size) or terminate kernels");
}

}  // namespace

Arena::Arena(const Gpu& gpu) : gpu_(gpu) {
  // Pages come when they are first touched.
  for (u64 bytes = kMostReserved; bytes >= kLeastReserved && !memory_; bytes /= 2) {
    void* const got = mmap(nullptr, bytes + page_bytes(), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) continue;
    memory_ = trim_to_pages(static_cast<u8*>(got), bytes);
    reserved_ = bytes;
  }
  if (!memory_) refuse(kLeastReserved, "for which the process has no addresses left");
}

Arena::~Arena() {
  buffer_ = {};
  munmap(memory_, reserved_);
}

u64 Arena::take(u64 bytes) {
  std::lock_guard lock(changing_);
  const u64 size = rounded(std::max<u64>(bytes, 1), kIndexLine);
  const u64 offset = place_for(size);
  taken_.emplace(offset, size);
  return offset;
}

u64 Arena::place_for(u64 size) {
  const auto fits = [size](const auto& part) { return part.second >= size; };
  auto found = std::find_if(free_.begin(), free_.end(), fits);
  if (found == free_.end()) {
    grow(length_ + size);
    found = std::find_if(free_.begin(), free_.end(), fits);
  }
  const auto [offset, bytes] = *found;
  free_.erase(found);
  if (bytes > size) free_.emplace(offset + size, bytes - size);
  return offset;
}

void Arena::grow(u64 least) {
  const u64 most = std::min<u64>(reserved_, gpu_.most_buffer_bytes / page_bytes() * page_bytes());
  if (least > most) refuse(least, "which takes one buffer of at most " + std::to_string(most));
  const u64 length = std::min(most, whole_pages(std::max({least, 2 * length_, kFirst})));
  Owned<id<MTLBuffer>> longer;
  checked("the ring kernels' memory", [&] {
    const AutoreleaseScope scope;
    longer = wrap_pages(gpu_, memory_, length);
    [longer.get() setLabel:@"ringway ring kernels"];
  });
  if (!longer) refuse(length, "which the GPU has not left");
  buffer_ = std::move(longer);
  const u64 added = length - length_;
  const auto last = free_.empty() ? free_.end() : std::prev(free_.end());
  if (last != free_.end() && last->first + last->second == length_) {
    last->second += added;
  } else {
    free_.emplace(length_, added);
  }
  length_ = length;
}

void Arena::give(u64 offset, bool zeroed) {
  std::lock_guard lock(changing_);
  const auto block = taken_.find(offset);
  u64 bytes = block->second;
  taken_.erase(block);
  if (!zeroed) std::memset(at(offset), 0, bytes);
  auto after = free_.lower_bound(offset);
  if (after != free_.end() && offset + bytes == after->first) {
    bytes += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  free_.emplace(offset, bytes);
}

Block::Block(std::shared_ptr<Arena> arena, u64 bytes)
    : arena_(std::move(arena)), offset_(arena_->take(bytes)) {}

Block::~Block() {
  if (arena_) arena_->give(offset_, zeroed_);
}

Block::Block(Block&& other) noexcept
    : arena_(std::exchange(other.arena_, nullptr)), offset_(other.offset_), zeroed_(other.zeroed_) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(arena_, other.arena_);
  std::swap(offset_, other.offset_);
  std::swap(zeroed_, other.zeroed_);
  return *this;
}

}  // namespace ringway::metal
