#include "backends/metal/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "backends/metal/errors.h"
#include "backends/metal/platform.h"

namespace ringway::metal {
namespace {

constexpr MTLResourceOptions kShared = MTLResourceStorageModeShared;
constexpr u64 kMostHeld = u64(256) << 20;  // bytes of copies' buffers that wait for the next dispatch

u64 whole_pages(u64 bytes) {
  const u64 page = page_bytes();
  return (bytes + page - 1) / page * page;
}

void give_back(u8* from, const u8* to) {
  if (from < to) munmap(from, u64(to - from));
}

}  // namespace

u64 Pages::page() const {
  return page_bytes();
}

u8* Pages::map(u64 bytes) {
  const AutoreleaseScope scope;
  // The system's pages may be smaller than those that Metal asks for: what is over at both ends goes back.
  const u64 page = page_bytes();
  if (bytes > gpu_.most_buffer_bytes) return nullptr;
  u8* const mapped = PageSource::map(bytes + page);
  if (!mapped) return nullptr;
  u8* const memory = mapped + (page - reinterpret_cast<std::uintptr_t>(mapped) % page) % page;
  give_back(mapped, memory);
  give_back(memory + bytes, mapped + bytes + page);
  auto buffer = wrap_pages(gpu_, memory, bytes);
  if (!buffer) {
    munmap(memory, bytes);
    return nullptr;
  }
  [buffer.get() setLabel:@"ringway pool"];
  std::lock_guard lock(changing_);
  blocks_[memory] = {bytes, std::move(buffer)};
  return memory;
}

void Pages::unmap(u8* memory, u64 bytes) {
  const AutoreleaseScope scope;
  {
    std::lock_guard lock(changing_);
    blocks_.erase(memory);
  }
  munmap(memory, bytes);
}

Place Pages::find(const u8* data, u64 bytes) const {
  std::lock_guard lock(changing_);
  const auto after = blocks_.upper_bound(data);
  if (after == blocks_.begin()) return {};
  const auto& [begin, block] = *std::prev(after);
  const u64 offset = u64(data - begin);
  if (offset + bytes > block.bytes) return {};
  return {block.buffer, offset};
}

Owned<id<MTLBuffer>> wrap_pages(const Gpu& gpu, u8* data, u64 bytes) {
  const u64 length = whole_pages(bytes);
  if (reinterpret_cast<std::uintptr_t>(data) % page_bytes() || length > gpu.most_buffer_bytes) return {};
  return Owned<id<MTLBuffer>>::adopt([gpu.device.get() newBufferWithBytesNoCopy:data
                                                                         length:length
                                                                        options:kShared
                                                                    deallocator:nil]);
}

Owned<id<MTLBuffer>> Copies::take(u64 bytes) {
  const u64 length = std::max(page_bytes() + u64(0), std::bit_ceil(bytes));
  {
    std::lock_guard lock(changing_);
    const auto found = free_.find(length);
    if (found != free_.end()) {
      auto buffer = std::move(found->second);
      free_.erase(found);
      held_ -= length;
      return buffer;
    }
  }
  auto buffer = length > gpu_.most_buffer_bytes
                    ? Owned<id<MTLBuffer>>()
                    : Owned<id<MTLBuffer>>::adopt([gpu_.device.get() newBufferWithLength:length
                                                                                 options:kShared]);
  if (!buffer) {
    throw Error(ErrorKind::kOutOfMemory,
                "backend 'metal': no memory for a copy of " + std::to_string(bytes) +
                    " bytes; arrays of device.buffer() need none (a buffer has at most " +
                    std::to_string(gpu_.most_buffer_bytes) + " bytes)");
  }
  return buffer;
}

void Copies::put_back(Owned<id<MTLBuffer>> buffer) {
  const u64 length = [buffer.get() length];
  std::lock_guard lock(changing_);
  if (held_ + length > kMostHeld) return;
  held_ += length;
  free_.emplace(length, std::move(buffer));
}

}  // namespace ringway::metal
