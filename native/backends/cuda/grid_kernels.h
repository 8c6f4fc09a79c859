// The dispatch kernels that this backend has: entry points of the image that nvcc made of grid_kernels.cu.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "backends/cuda/gpu.h"
#include "core/dispatch.h"

namespace ringway::cuda {

struct CudaEntry {
  CUfunction function = nullptr;
  std::string name;
  u32 most_threads = 0;  // of a group
  u32 group_bytes = 0;   // of threadgroup memory that it has of its own
};

// Of a kernel's passes, each of which begins when the one before has ended.
using Passes = std::vector<CudaEntry>;

class GridImage {
 public:
  // Loads the image; with the context current. Throws kBackendUnavailable when the driver cannot use it.
  explicit GridImage(const CudaContext& context);
  ~GridImage();
  GridImage(const GridImage&) = delete;
  GridImage& operator=(const GridImage&) = delete;

  static bool offers(const DispatchKernel& kernel, DType element);
  // With the context current. Looked up at the first call.
  const Passes& passes(const DispatchKernel& kernel, DType element);

 private:
  const CudaContext& context_;
  CUmodule module_ = nullptr;
  std::mutex changing_;
  std::map<std::pair<std::string, DType>, Passes> known_;
};

}  // namespace ringway::cuda
