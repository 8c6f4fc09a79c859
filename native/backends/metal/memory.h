// The host's memory as Metal's buffers: pages of the pool without a copy, other arrays as they allow.
#pragma once
#import <Metal/Metal.h>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/metal/gpu.h"
#include "backends/metal/object.h"
#include "core/buffer_pool.h"

namespace ringway::metal {

// A place in a buffer of Metal's.
struct Place {
  Owned<id<MTLBuffer>> buffer;
  u64 offset = 0;
};

// Pages that the GPU uses where they lie. Each block is a buffer of Metal's from map() to unmap(), so that binding one
// allocates nothing, and Metal keeps dispatches that share one apart.
class Pages : public PageSource {
 public:
  explicit Pages(const Gpu& gpu) : gpu_(gpu) {}

  u64 page() const override;
  u8* map(u64 bytes) override;
  void unmap(u8* memory, u64 bytes) override;

  // Memory that the GPU alone sees, whole pages, not zero: nobody may read or write at the addresses that name it. Throws
  // kOutOfMemory.
  u8* map_private(u64 bytes);
  void unmap_private(u8* memory);

  // Where memory of a block lies; no buffer when it is of none.
  Place find(const u8* data, u64 bytes) const;
  // The same, of private memory.
  Place find_private(const u8* data, u64 bytes) const;

 private:
  struct Block {
    u64 bytes = 0;
    Owned<id<MTLBuffer>> buffer;
  };

  const Gpu& gpu_;
  mutable std::mutex changing_;
  std::map<const u8*, Block> blocks_;
};

// The least multiple of the page that holds so many bytes.
u64 whole_pages(u64 bytes);
// The begin of the page that the memory begins in.
u8* page_of(u8* data);
// Whole pages at a page's begin, of memory that `map` gave for one page more; what is over at both ends goes back to the
// system, whose pages may be smaller.
u8* trim_to_pages(u8* mapped, u64 bytes);
// Whole pages around memory that begins at one, of which the GPU uses the first `bytes`; no buffer when that cannot be.
Owned<id<MTLBuffer>> wrap_pages(const Gpu& gpu, u8* data, u64 bytes);

// Buffers that hold copies of arrays for the length of a dispatch, kept for the next one.
class Copies {
 public:
  explicit Copies(const Gpu& gpu) : gpu_(gpu) {}

  // Of at least so many bytes; throws kOutOfMemory.
  Owned<id<MTLBuffer>> take(u64 bytes);
  void put_back(Owned<id<MTLBuffer>> buffer);

 private:
  const Gpu& gpu_;
  std::mutex changing_;
  std::multimap<u64, Owned<id<MTLBuffer>>> free_;  // by length
  u64 held_ = 0;                                   // bytes of those
};

}  // namespace ringway::metal
