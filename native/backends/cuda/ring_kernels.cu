// The resident grid of ring kernels. Handlers run on a block's first thread.
#include "backends/cuda/ring_block.h"
#include "backends/cuda/ring_handlers.h"

// Who runs these on a host (tests/cuda/fake_driver) brings its own entries, and puts something around handlers.
#ifndef RINGWAY_ENTRY
#define RINGWAY_ENTRY(name, ...) extern "C" __global__ void name(__VA_ARGS__)
#endif
#ifndef RINGWAY_HANDLER
#define RINGWAY_HANDLER(...) __VA_ARGS__
#endif

namespace ringway {

constexpr u32 kShortestPause = 32, kLongestPause = 16384;  // ns

struct RingHandlers {
  static __device__ void run(u32 number, SliceControl* control) {
    const Ring<HostLinkAtomics> mailbox = ring_at(queue_at<HostLinkAtomics>(control, control->lane[0]));
    const Ring<HostLinkAtomics> host = ring_at(queue_at<HostLinkAtomics>(control, control->to_host));
    switch (number) {
#define RINGWAY_CASE(number, ...) \
  case number: return Slice<RINGWAY_HANDLER(__VA_ARGS__)>::run(control, mailbox, host);
      RINGWAY_RING_HANDLERS(RINGWAY_CASE)
#undef RINGWAY_CASE
    }
  }
};

}  // namespace ringway

RINGWAY_ENTRY(ring_grid, ringway::RingGrid grid) {
  using namespace ringway;
  if (threadIdx.x) return;
  RingBlock<RingHandlers> block = {grid, blockIdx.x, gridDim.x};
  u32 pause = kShortestPause;
  while (!block.leaves()) {
    if (block.turn()) {
      pause = kShortestPause;
    } else {
      __nanosleep(pause);
      pause = pause < kLongestPause ? 2 * pause : kLongestPause;
    }
  }
  block.leave();
}
