// The GPU that this process uses, and what it allows.
#pragma once
#include <memory>
#include <string>

#include "backends/cuda/driver.h"
#include "ringway/config.h"

namespace ringway::cuda {

struct CudaGpu {
  CudaDriver driver;
  CUdevice device = 0;
  std::string name;
  u32 capability = 0;  // 90 for compute capability 9.0
  u32 version = 0;     // of CUDA that the driver has: 13000 for 13.0
  u32 processors = 0;  // streaming multiprocessors
  u32 most_group_bytes = 0;
  u32 most_groups[3] = {};
};

// Fills `gpu` but for the driver, which is loaded. Returns why there is none to use; empty when there is. The primary
// context is made and let go: only so is it known that there is room for one.
std::string find_gpu(CudaGpu* gpu);

// Why there is none; empty when there is. Looks once.
std::string why_no_gpu();
// The device of number RINGWAY_CUDA_DEVICE, else the first. Throws kBackendUnavailable.
const CudaGpu& gpu();
// What `ringway info` shows.
std::string description(const CudaGpu& gpu);

// The device's primary context, which other libraries of the process share.
class CudaContext {
 public:
  // Throws kOutOfMemory and what else the driver says.
  explicit CudaContext(const CudaGpu& of);
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  const CudaGpu& gpu;
  const CudaDriver& driver;
  CUcontext handle = nullptr;
};

// The context is this thread's while it lives.
class Current {
 public:
  explicit Current(const CudaContext& context) : driver_(context.driver) {
    driver_.cuCtxPushCurrent(context.handle);
  }
  ~Current() {
    CUcontext popped = nullptr;
    driver_.cuCtxPopCurrent(&popped);
  }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  const CudaDriver& driver_;
};

}  // namespace ringway::cuda
