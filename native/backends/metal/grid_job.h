// One dispatch: its arguments as Metal's buffers, and its commands.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backends/metal/commands.h"
#include "backends/metal/grid_kernels.h"
#include "backends/metal/line_job.h"
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
        copy_label(owned_string("copy")),
        queue(new_queue(of, "dispatches")) {}

  const Gpu& gpu;
  GridKernels kernels;
  const std::shared_ptr<Pages> pages;
  Copies copies;
  const Owned<NSString*> label;  // of command buffers
  const Owned<NSString*> copy_label;
  const Owned<id<MTLCommandQueue>> queue;
};

class GridJob : public LineJob {
 public:
  // Throws kDispatch when the grid is beyond what the device can do, and what GridKernels::passes throws.
  GridJob(const DispatchRequest& asked, GridParts& parts, bool is_awaited);

  // Whether its buffers are all in the pool's pages, or private.
  bool in_place() const override { return in_place_; }
  // Copies arrays first that the GPU cannot use where they lie.
  void encode(Commands& commands) override;
  // Brings written copies back.
  void settle(bool good) override;

 private:
  // kSame: with an argument before it, whose memory it is too. kEmpty: Metal wants something bound all the same.
  enum class How { kInPool, kInPlace, kCopied, kSame, kEmpty };
  struct Bound : ArgumentMemory {
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
  PerArgument<Bound> bounds_;
  bool in_place_ = true;
};

}  // namespace ringway::metal
