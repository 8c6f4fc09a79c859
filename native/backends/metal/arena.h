// The memory in which ring kernels live: one buffer of the GPU, cut into blocks that name each other by offsets.
//
// It lies at one place in the host's memory, in a stretch of addresses reserved at the start, so that blocks never move.
// The GPU's buffer covers the part in use; when that grows, a longer buffer over the same memory takes its place.
#pragma once
#import <Metal/Metal.h>

#include <map>
#include <memory>
#include <mutex>

#include "backends/metal/gpu.h"
#include "backends/metal/object.h"

namespace ringway::metal {

class Arena {
 public:
  // Throws kOutOfMemory.
  explicit Arena(const Gpu& gpu);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // A block of zeros at a multiple of kIndexLine, by its offset. Nothing may run on the GPU when the buffer grows:
  // `grows` says whether it will. Throws kOutOfMemory, naming the size and the device's limit.
  u64 take(u64 bytes);
  // `zeroed`: all of it is zero again.
  void give(u64 offset, bool zeroed);

  u8* at(u64 offset) const { return memory_ + offset; }
  template <class T>
  T* as(u64 offset) const {
    return reinterpret_cast<T*>(memory_ + offset);
  }
  // All that is in use; by who encodes.
  id<MTLBuffer> buffer() const { return buffer_.get(); }

 private:
  u64 place_for(u64 bytes);
  void grow(u64 least);

  const Gpu& gpu_;
  u8* memory_ = nullptr;
  u64 reserved_ = 0;
  u64 length_ = 0;  // of the buffer
  Owned<id<MTLBuffer>> buffer_;
  std::mutex changing_;
  std::map<u64, u64> free_;  // offset, bytes; no two touch; all zero, so that new queues hold no page
  std::map<u64, u64> taken_;
};

// Gives its block back when it goes.
class Block {
 public:
  Block() = default;
  Block(std::shared_ptr<Arena> arena, u64 bytes);
  ~Block();
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;

  u64 offset() const { return offset_; }
  u8* memory() const { return arena_->at(offset_); }
  explicit operator bool() const { return arena_ != nullptr; }
  // The owner has made it zero again, where it had written.
  void set_zeroed() { zeroed_ = true; }

 private:
  std::shared_ptr<Arena> arena_;
  u64 offset_ = 0;
  bool zeroed_ = false;
};

}  // namespace ringway::metal
