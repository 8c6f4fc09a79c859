// The driver's errors as ringway's, with the driver's own names and words.
#pragma once
#include <string>

#include "backends/cuda/driver.h"
#include "core/error.h"

namespace ringway::cuda {

// "out of memory (CUDA_ERROR_OUT_OF_MEMORY)"
std::string text_of(const CudaDriver& driver, CUresult result);

// Whether the context is of no more use: every later call gives an error as well.
bool is_sticky(CUresult result);

// `what` says what was being done, and to what.
Error error_of(const CudaDriver& driver, CUresult result, const std::string& what);

inline void ensure(const CudaDriver& driver, CUresult result, const std::string& what) {
  if (result != CUDA_SUCCESS) throw error_of(driver, result, what);
}

}  // namespace ringway::cuda
