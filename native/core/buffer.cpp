#include "core/buffer.h"

#include "core/error.h"

namespace ringway {

BufferTable::~BufferTable() {
  for (Entry* chunk : chunks_) delete[] chunk;
}

u64 BufferTable::add(u8* data, u64 bytes) {
  std::lock_guard lock(changing_);
  if (free_.empty()) {
    if (entries_ == kChunk * kChunks) {
      throw Error(ErrorKind::kQueueFull, "2^20 buffers exist, the most that one runtime holds; release some");
    }
    if (entries_ % kChunk == 0) {
      // SYNC: partner load_acquire in find().
      atomic::store_release(&chunks_[entries_ / kChunk], new Entry[kChunk]());
    }
    free_.push_back(entries_++);
  }
  const u32 index = free_.back();
  free_.pop_back();
  generation_ = generation_ % ~0U + 1;
  Entry& entry = chunks_[index / kChunk][index % kChunk];
  entry.data = data;
  entry.bytes = bytes;
  const u64 handle = u64(generation_) << 32 | index;
  // SYNC: partner load_acquire in find(): data and bytes come before.
  atomic::store_release(&entry.handle, handle);
  atomic::count(&changes_, 1);
  return handle;
}

bool BufferTable::remove(u64 handle) {
  std::lock_guard lock(changing_);
  u64 bytes = 0;
  if (!handle || !find(handle, &bytes)) return false;
  const u32 index = u32(handle);
  atomic::store_relaxed(&chunks_[index / kChunk][index % kChunk].handle, u64(0));
  free_.push_back(index);
  atomic::count(&changes_, 1);
  return true;
}

std::vector<BufferTable::Named> BufferTable::list() {
  std::lock_guard lock(changing_);
  std::vector<Named> all;
  for (u32 i = 0; i < entries_; ++i) {
    const Entry& entry = chunks_[i / kChunk][i % kChunk];
    if (entry.handle) all.push_back({entry.handle, entry.data, entry.bytes});
  }
  return all;
}

}  // namespace ringway
