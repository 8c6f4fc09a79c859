#include "core/buffer_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "core/error.h"

namespace ringway {
namespace {

constexpr u64 kMostBytes = u64(std::numeric_limits<std::int64_t>::max()) / 2;

[[noreturn]] void refuse(u64 bytes) {
  throw Error(ErrorKind::kOutOfMemory, "no memory for a buffer of " + std::to_string(bytes) +
                                           " bytes; let buffers go, or trim the pool");
}

}  // namespace

u64 PageSource::page() const {
  static const u64 page = static_cast<u64>(sysconf(_SC_PAGESIZE));
  return page;
}

u8* PageSource::map(u64 bytes) {
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<u8*>(mapped);
}

void PageSource::unmap(u8* memory, u64 bytes) {
  munmap(memory, bytes);
}

// Whole pages; from eight pages on an eighth of the power of two below, so that like sizes share a class.
u64 BufferPool::class_of(u64 bytes) const {
  const u64 step = std::max(source_->page(), std::bit_floor(bytes) / 8);
  return (std::max<u64>(bytes, 1) + step - 1) / step * step;
}

BufferPool::~BufferPool() {
  trim();
}

std::shared_ptr<u8> BufferPool::take(u64 bytes) {
  if (bytes > kMostBytes) refuse(bytes);
  const u64 size = class_of(bytes);
  u8* memory = reuse(size);
  if (memory) {
    std::memset(memory, 0, bytes);
  } else {
    memory = source_->map(size);
    if (!memory) refuse(bytes);
  }
  {
    std::lock_guard lock(changing_);
    counts_.bytes_in_use += size;
  }
  return {memory, [pool = shared_from_this(), size](u8* going) { pool->put_back(going, size); }};
}

u8* BufferPool::reuse(u64 size) {
  std::lock_guard lock(changing_);
  const auto kept = held_.find(size);
  if (kept == held_.end() || kept->second.empty()) {
    ++counts_.misses;
    return nullptr;
  }
  u8* memory = kept->second.back();
  kept->second.pop_back();
  counts_.bytes_held -= size;
  ++counts_.hits;
  return memory;
}

void BufferPool::put_back(u8* memory, u64 size) {
  {
    std::lock_guard lock(changing_);
    counts_.bytes_in_use -= size;
    if (counts_.bytes_held + size <= limit_) {
      counts_.bytes_held += size;
      held_[size].push_back(memory);
      return;
    }
  }
  source_->unmap(memory, size);
}

PoolStatistics BufferPool::statistics() const {
  std::lock_guard lock(changing_);
  return counts_;
}

u64 BufferPool::trim() {
  std::lock_guard lock(changing_);
  for (const auto& [size, kept] : held_) {
    for (u8* memory : kept) source_->unmap(memory, size);
  }
  held_.clear();
  return std::exchange(counts_.bytes_held, 0);
}

}  // namespace ringway
