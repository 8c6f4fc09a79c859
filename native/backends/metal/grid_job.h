// One dispatch: its arguments as Metal's buffers, and its commands.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backends/metal/commands.h"
#include "backends/metal/grid_kernels.h"
#include "backends/metal/memory.h"
#include "core/dispatch.h"

namespace ringway::metal {

// What the dispatches of a device share.
struct GridParts {
  explicit GridParts(const Gpu& of)
      : gpu(of),
        kernels(of),
        pages(std::make_shared<Pages>(of)),
        copies(of),
        label(owned_string("dispatches")),
        queue(new_queue(of, "dispatches")) {}

  const Gpu& gpu;
  GridKernels kernels;
  const std::shared_ptr<Pages> pages;
  Copies copies;
  const Owned<NSString*> label;  // of command buffers
  const Owned<id<MTLCommandQueue>> queue;
};

class GridJob : public DispatchJob {
 public:
  // `awaited`: the caller waits for it and starts nothing meanwhile. Throws kDispatch when the grid is beyond what the
  // device can do, and what GridKernels::passes throws.
  GridJob(const DispatchRequest& asked, GridParts& parts, bool awaited);

  // Whether its buffers are all in the pool's pages. Otherwise the host has to act before and after it.
  bool in_place() const { return in_place_; }

  // Both of these inside of an AutoreleaseScope, one for many.
  //
  // Copies arrays that the GPU cannot use where they lie, and puts its commands into an encoder of their own. Dispatches
  // that this one is to follow have ended, but for those in place before one in place. Throws kOutOfMemory and kDispatch.
  void encode(Commands& commands);
  // After the end: brings written copies back, unless it failed, and lets the buffers go.
  void settle(bool good);

  const bool awaited;
  // Guarded by the dispatcher's lock.
  bool alone = false;  // shares no command buffer
  bool cancelled = false;
  EncoderEnd end = EncoderEnd::kNotRun;

 private:
  // kSame: with an argument before it, whose memory it is too. kEmpty: Metal wants something bound all the same.
  enum class How { kInPool, kInPlace, kCopied, kSame, kEmpty };
  struct Bound {
    u32 index = 0;
    u8* data = nullptr;
    u64 bytes = 0;
    bool read = false;
    bool written = false;
    How how = How::kInPool;
    Place place;
  };

  void check_limits() const;
  void bind_arguments();
  void provide(Bound& bound);
  void encode_pass(id<MTLComputeCommandEncoder> encoder, const Pipeline& pass) const;
  std::string bindings_text() const;

  GridParts& parts_;
  const Passes& passes_;
  std::vector<Bound> bounds_;
  bool in_place_ = true;
};

}  // namespace ringway::metal
