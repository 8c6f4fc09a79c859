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
        queue(new_queue(of, "dispatches")) {}

  const Gpu& gpu;
  GridKernels kernels;
  const std::shared_ptr<Pages> pages;
  Copies copies;
  const Owned<id<MTLCommandQueue>> queue;
};

class GridJob : public DispatchJob {
 public:
  // Throws kDispatch when the grid is beyond what the device can do, and what GridKernels::passes throws.
  GridJob(const DispatchRequest& asked, GridParts& parts);

  // Whether its buffers are all in the pool's pages. Otherwise the host has to act before and after it.
  bool in_place() const { return in_place_; }

  // Copies arrays that the GPU cannot use where they lie, and commits; `then` as in Commands::commit. Dispatches that
  // this one is to follow have ended, but for those in place before one in place. Throws kOutOfMemory and kDispatch.
  void commit(const std::function<void(const Ended&)>& then);
  // After the end: brings written copies back, unless it failed, and lets the buffers go.
  void settle(bool good);

  // Guarded by the dispatcher's lock.
  bool ended = false;
  bool cancelled = false;
  std::string failure;
  ErrorKind failed_as = ErrorKind::kHandler;
  double gpu_seconds = 0;

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
  void encode(id<MTLComputeCommandEncoder> encoder, const Pipeline& pass) const;
  std::string bindings_text() const;

  GridParts& parts_;
  const Passes& passes_;
  std::vector<Bound> bounds_;
  bool in_place_ = true;
};

}  // namespace ringway::metal
