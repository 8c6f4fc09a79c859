// The grid of ring kernels as the driver knows it: launches it and waits for its end, on a thread of its own, which holds
// none of the runtime's locks. Either call may return only with the grid's end, or after another library that holds the
// driver's lock meanwhile (CUDA_LAUNCH_BLOCKING, cudaFree, a module that loads).
#pragma once
#include <memory>
#include <optional>

#include "backends/cuda/gpu.h"
#include "backends/cuda/ring_layout.h"

namespace ringway::cuda {

class ResidentGrid {
 public:
  // What the driver says of a launch, or of the grid after it.
  struct End {
    u32 number = 0;  // RingGrid::number
    bool launched = false;
    CUresult result = CUDA_SUCCESS;
    u32 blocks = 0;
  };

  // Throws what the driver says of the image. At most `most_blocks` blocks, and `threads` threads to each.
  ResidentGrid(std::shared_ptr<const CudaContext> context, u32 most_blocks, u32 threads);
  // Waits for the thread, unless abandon() was called.
  ~ResidentGrid();
  ResidentGrid(const ResidentGrid&) = delete;
  ResidentGrid& operator=(const ResidentGrid&) = delete;

  u32 most_blocks() const { return most_blocks_; }
  // Returns at once; on a device with less room the grid has half as many blocks, down to one.
  void launch(const RingGrid& grid, u32 blocks);
  // Of the last launch, once the driver has said so.
  std::optional<End> end() const;
  // Until the driver is through with the last one, so that what may wait for a grid's end does so for a moment only.
  void settle();
  // Fills with zero beside the grid, and waits for that. Throws what the driver says.
  void clear(u64 address, u64 bytes) const;
  // The same, in the grid's order: before what is launched next.
  void set_before_next(u64 address, u8 value, u64 bytes) const;
  // A handler does not return: the image, and `kept`, live until it does.
  void abandon(std::shared_ptr<void> kept);

 private:
  struct Thread;
  const std::shared_ptr<Thread> thread_;
  u32 most_blocks_ = 0;
};

}  // namespace ringway::cuda
