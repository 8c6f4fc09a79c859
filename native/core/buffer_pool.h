// Memory of buffers: whole pages, kept for the next buffer of the same size class when a buffer goes.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "ringway/config.h"

namespace ringway {

struct PoolStatistics {
  u64 hits = 0;          // buffers made from memory that the pool held
  u64 misses = 0;        // buffers for which the system was asked
  u64 bytes_held = 0;    // not in use, ready for the next buffer
  u64 bytes_in_use = 0;  // of buffers that live
};

// Where a pool has its pages from: the system, or a device that has to know of them.
class PageSource {
 public:
  virtual ~PageSource() = default;
  // What it gives begins and ends at a multiple of so many bytes.
  virtual u64 page() const;
  // Zeroed; null when there is none.
  virtual u8* map(u64 bytes);
  virtual void unmap(u8* memory, u64 bytes);
};

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  // Holds at most `limit` bytes that are not in use.
  explicit BufferPool(u64 limit, std::shared_ptr<PageSource> source = std::make_shared<PageSource>())
      : limit_(limit), source_(std::move(source)) {}
  ~BufferPool();

  // Memory of at least `bytes`, all zero, at the start of a page; goes back to the pool with its last owner. Throws
  // kDispatch when there is none.
  std::shared_ptr<u8> take(u64 bytes);
  PoolStatistics statistics() const;
  // Gives what is not in use to the system; how many bytes that was.
  u64 trim();

 private:
  u64 class_of(u64 bytes) const;
  u8* reuse(u64 size);  // null when none of that size is held
  void put_back(u8* memory, u64 size);

  const u64 limit_;
  const std::shared_ptr<PageSource> source_;
  mutable std::mutex changing_;
  std::map<u64, std::vector<u8*>> held_;  // by size
  PoolStatistics counts_;
};

}  // namespace ringway
