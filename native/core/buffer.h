// Memory that messages name by handle. A handle is a number in a table with a generation; a stale or made-up
// one is found out, never followed.
#pragma once
#include <mutex>
#include <vector>

#include "ringway/atomics_runtime.h"

namespace ringway {

class BufferTable {
 public:
  ~BufferTable();

  // The memory stays the caller's and must outlive the entry.
  u64 add(u8* data, u64 bytes);
  // False when there is no such entry. A handler that looked it up before may still use the memory: see
  // Runtime::release_buffer.
  bool remove(u64 handle);
  // Null when there is no such entry; may be called while others add and remove.
  u8* find(u64 handle, u64* bytes) const {
    const u32 index = u32(handle);
    if (index >= kChunk * kChunks) return nullptr;
    // SYNC: partner store_release in add(): chunk and entry are written before.
    const Entry* chunk = atomic::load_acquire(&chunks_[index / kChunk]);
    if (!chunk || atomic::load_acquire(&chunk[index % kChunk].handle) != handle) return nullptr;
    *bytes = chunk[index % kChunk].bytes;
    return chunk[index % kChunk].data;
  }

  struct Named {
    u64 handle;
    u8* data;
    u64 bytes;
  };
  // All entries, for a device that has a table of its own; changes() grows when there are others.
  std::vector<Named> list();
  u64 changes() const { return atomic::load_relaxed(&changes_); }

 private:
  struct Entry {
    u64 handle;  // generation in the high half, from 1; 0 = free
    u8* data;
    u64 bytes;
  };
  static constexpr u32 kChunk = 256;
  static constexpr u32 kChunks = 1U << 12;

  std::mutex changing_;
  Entry* chunks_[kChunks] = {};
  std::vector<u32> free_;
  u32 entries_ = 0;
  u32 generation_ = 0;
  u64 changes_ = 0;
};

}  // namespace ringway
