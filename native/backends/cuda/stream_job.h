// One dispatch: where the device finds its arguments, and what goes into the stream for it.
#pragma once
#include <string>
#include <vector>

#include "backends/cuda/grid_kernels.h"
#include "backends/cuda/memory.h"
#include "core/dispatch.h"

namespace ringway::cuda {

// What the dispatches of a device share. Made and destroyed with the context current.
struct StreamParts {
  explicit StreamParts(const CudaContext& of);
  ~StreamParts();
  StreamParts(const StreamParts&) = delete;
  StreamParts& operator=(const StreamParts&) = delete;

  const CudaContext& context;
  GridImage kernels;
  DevicePool copies;
  CUstream stream = nullptr;
};

class StreamJob : public DispatchJob {
 public:
  // Throws kDispatch when the grid is beyond what the device can do. With the context current, as all that follows.
  StreamJob(const DispatchRequest& asked, StreamParts& parts);
  ~StreamJob() override;

  // Whether the device uses all its buffers where they lie. Otherwise submit() returns after the dispatch has ended,
  // because the driver moves memory that is not page-locked while the caller waits.
  bool in_place() const { return in_place_; }
  // Copies, passes, and copies back, in the order of the stream. Throws what the driver says; then nothing of it is left.
  void submit();
  // Waits until it has ended; throws what it failed with.
  void await();
  double gpu_microseconds() const;

  // Guarded by the dispatcher's lock.
  bool cancelled = false;

 private:
  struct Bound : ArgumentMemory {
    CUdeviceptr address = 0;
    bool copied = false;
  };

  void check_limits() const;
  void bind_arguments();
  void check_place(u32 index, const DevicePlace& place) const;
  void take_copies();
  void put_back_copies();
  void launch(const CudaEntry& pass) const;
  std::string bindings_text() const;

  StreamParts& parts_;
  const CudaDriver& driver_;
  const Passes& passes_;
  const std::string label_;
  std::vector<Bound> bounds_;
  bool in_place_ = true;
  CUevent began_ = nullptr, ended_ = nullptr;
};

}  // namespace ringway::cuda
