// The runtime's buffers as handlers on the device find them by their handles. The host's memory is page-locked where it
// lies, whole pages at a time; what CUDA knows already is used as it is.
#pragma once
#include <map>
#include <memory>

#include "backends/cuda/ring_memory.h"
#include "core/buffer.h"
#include "ringway/slice_layout.h"

namespace ringway::cuda {

class ShownBuffers {
 public:
  ShownBuffers(std::shared_ptr<const CudaContext> context, BufferTable& buffers,
               std::shared_ptr<RingMemory> memory)
      : context_(std::move(context)), buffers_(buffers), memory_(std::move(memory)) {}
  ~ShownBuffers();
  ShownBuffers(const ShownBuffers&) = delete;
  ShownBuffers& operator=(const ShownBuffers&) = delete;

  // By any thread.
  bool stale() const { return atomic::load_relaxed(&seen_) != buffers_.changes(); }
  // While no grid runs: what was released is let go of, what was added is there. Memory that CUDA refuses is named in the
  // log, and no handle finds it. Throws kOutOfMemory.
  void renew();

  const SliceBuffer* table() const { return table_.as<SliceBuffer>(); }
  u32 entries() const { return entries_; }

 private:
  using Pages = std::map<u64, u64>;  // begin and end
  void lock_pages(const Pages& wanted);

  const std::shared_ptr<const CudaContext> context_;
  BufferTable& buffers_;
  const std::shared_ptr<RingMemory> memory_;
  u64 seen_ = 0;
  Pages locked_;
  RingPiece table_;
  u32 entries_ = 0, room_ = 0;
};

}  // namespace ringway::cuda
