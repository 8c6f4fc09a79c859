// The runtime's buffers as the GPU sees them: the host's memory itself, page by page, and a table of addresses in the
// arena by which handlers find what a handle names.
#pragma once
#import <Metal/Metal.h>

#include <map>
#include <memory>
#include <vector>

#include "backends/metal/arena.h"
#include "core/buffer.h"

namespace ringway::metal {

class WrappedBuffers {
 public:
  WrappedBuffers(const Gpu& gpu, BufferTable& buffers, std::shared_ptr<Arena> arena)
      : gpu_(gpu), buffers_(buffers), arena_(std::move(arena)) {}

  // By any thread. SYNC: partner renew(): who sees its mark comes after the end of what ran with an older table.
  bool stale() const { return atomic::load_acquire(&seen_) != buffers_.changes(); }
  // While nothing is on the GPU: what was released is let go of, what was added is there. Memory that the GPU refuses is
  // named in the log, and no handle finds it.
  void renew();

  u64 table() const { return table_ ? table_.offset() : 0; }
  u32 entries() const { return entries_; }
  const std::vector<id<MTLResource>>& resources() const { return resources_; }

 private:
  struct Wrapped {
    Owned<id<MTLBuffer>> buffer;
    u64 address;
    u64 bytes;
  };
  Wrapped wrap(const BufferTable::Named& memory) const;

  const Gpu& gpu_;
  BufferTable& buffers_;
  const std::shared_ptr<Arena> arena_;
  u64 seen_ = 0;
  std::map<u64, Wrapped> wrapped_;  // by handle
  std::vector<id<MTLResource>> resources_;
  Block table_;
  u32 entries_ = 0, room_ = 0;
};

}  // namespace ringway::metal
