// Memory that kernels use: pages of the pool and other libraries' where they lie, arrays of the host as copies.
#pragma once
#include <memory>

#include "backends/cuda/gpu.h"
#include "core/buffer_pool.h"

namespace ringway::cuda {

// Page-locked memory of the host, mapped into the device's addresses. Keeps the context.
class PinnedPages : public PageSource {
 public:
  explicit PinnedPages(std::shared_ptr<const CudaContext> context) : context_(std::move(context)) {}

  u8* map(u64 bytes) override;
  void unmap(u8* memory, u64 bytes) override;

 private:
  const std::shared_ptr<const CudaContext> context_;
};

// Where the device finds memory of the host, of its own or of another library.
struct DevicePlace {
  CUdeviceptr address = 0;  // 0: nowhere, it has to be copied
  int device = 0;           // that it is on, or was made for
  bool on_device = false;   // and not on the host
};
// With the context current.
DevicePlace device_place(const CudaDriver& driver, const void* memory);

// Stream-ordered memory of the device, which the pool keeps for the next dispatch.
class DevicePool {
 public:
  explicit DevicePool(const CudaContext& context);
  ~DevicePool();
  DevicePool(const DevicePool&) = delete;
  DevicePool& operator=(const DevicePool&) = delete;

  // In the order of the stream; throws kOutOfMemory. `what` is for the text.
  CUdeviceptr take(u64 bytes, CUstream stream, const std::string& what);
  void put_back(CUdeviceptr memory, CUstream stream);

 private:
  const CudaContext& context_;
  CUmemoryPool pool_ = nullptr;
};

}  // namespace ringway::cuda
