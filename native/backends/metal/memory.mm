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

}  // namespace

u64 whole_pages(u64 bytes) {
  const u64 page = page_bytes();
  return (bytes + page - 1) / page * page;
}

u8* page_of(u8* data) {
  return data - reinterpret_cast<std::uintptr_t>(data) % page_bytes();
}

u8* trim_to_pages(u8* mapped, u64 bytes) {
  const u64 page = page_bytes();
  const auto give_back = [](u8* from, const u8* to) {
    if (from < to) munmap(from, u64(to - from));
  };
  u8* const memory = page_of(mapped + page - 1);
  give_back(mapped, memory);
  give_back(memory + bytes, mapped + bytes + page);
  return memory;
}

u64 Pages::page() const {
  return page_bytes();
}

u8* Pages::map(u64 bytes) {
  const AutoreleaseScope scope;
  if (bytes > gpu_.most_buffer_bytes) return nullptr;
  u8* const mapped = PageSource::map(bytes + page_bytes());
  if (!mapped) return nullptr;
  u8* const memory = trim_to_pages(mapped, bytes);
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

u8* Pages::map_private(u64 bytes) {
  const AutoreleaseScope scope;
  const u64 length = whole_pages(std::max<u64>(bytes, 1));
  Owned<id<MTLBuffer>> buffer;
  if (length <= gpu_.most_buffer_bytes) {
    buffer =
        Owned<id<MTLBuffer>>::adopt([gpu_.device.get() newBufferWithLength:length
                                                                   options:MTLResourceStorageModePrivate]);
  }
  // Addresses without memory: dispatches name it by them, as they do what the host sees, and nothing else has them.
  void* const named =
      buffer ? mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0) : MAP_FAILED;
  if (named == MAP_FAILED) {
    throw Error(ErrorKind::kOutOfMemory, "backend 'metal': no private memory for a buffer of " +
                                             std::to_string(bytes) + " bytes (one has at most " +
                                             std::to_string(gpu_.most_buffer_bytes) + "); let buffers go");
  }
  [buffer.get() setLabel:@"ringway private"];
  u8* const memory = static_cast<u8*>(named);
  std::lock_guard lock(changing_);
  blocks_[memory] = {length, std::move(buffer)};
  return memory;
}

void Pages::unmap_private(u8* memory) {
  const AutoreleaseScope scope;
  u64 length = 0;
  {
    std::lock_guard lock(changing_);
    const auto block = blocks_.find(memory);
    length = block->second.bytes;
    blocks_.erase(block);
  }
  munmap(memory, length);
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

Place Pages::find_private(const u8* data, u64 bytes) const {
  Place place = find(data, bytes);
  return place.buffer && [place.buffer.get() storageMode] == MTLStorageModePrivate ? place : Place{};
}

Owned<id<MTLBuffer>> wrap_pages(const Gpu& gpu, u8* data, u64 bytes) {
  const u64 length = whole_pages(bytes);
  if (data != page_of(data) || length > gpu.most_buffer_bytes) return {};
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
