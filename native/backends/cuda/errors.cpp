#include "backends/cuda/errors.h"

namespace ringway::cuda {
namespace {

ErrorKind kind_of(CUresult result) {
  if (is_sticky(result)) return ErrorKind::kDeviceLost;
  switch (result) {
    case CUDA_ERROR_OUT_OF_MEMORY: return ErrorKind::kOutOfMemory;
    case CUDA_ERROR_INVALID_VALUE:
    case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: return ErrorKind::kDispatch;
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_INVALID_IMAGE:
    case CUDA_ERROR_INVALID_PTX:
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
    case CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
    case CUDA_ERROR_NOT_SUPPORTED: return ErrorKind::kBackendUnavailable;
    default: return ErrorKind::kHandler;
  }
}

const char* remedy_of(CUresult result) {
  if (result == CUDA_ERROR_LAUNCH_TIMEOUT)
    return "; the driver ends what keeps a GPU with a display for too long: cut the work into smaller "
           "dispatches. "
           "The device is of no use to this process any more: start another";
  if (is_sticky(result)) return "; the device is of no use to this process any more: start another";
  switch (result) {
    case CUDA_ERROR_OUT_OF_MEMORY: return "; let buffers go, or use smaller ones";
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
    case CUDA_ERROR_NO_BINARY_FOR_GPU: return "; a newer driver, or a build for this GPU, is needed";
    default: return "";
  }
}

}  // namespace

std::string text_of(const CudaDriver& driver, CUresult result) {
  const char* name = nullptr;
  const char* text = nullptr;
  if (driver.cuGetErrorName(result, &name) != CUDA_SUCCESS) name = nullptr;
  if (driver.cuGetErrorString(result, &text) != CUDA_SUCCESS) text = nullptr;
  return std::string(text ? text : "an error that this driver has no text for") + " (" +
         (name ? name : "CUresult " + std::to_string(int(result))) + ")";
}

bool is_sticky(CUresult result) {
  switch (result) {
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_EXTERNAL_DEVICE:
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_DEINITIALIZED: return true;
    default: return false;
  }
}

Error error_of(const CudaDriver& driver, CUresult result, const std::string& what) {
  return {kind_of(result), what + ": CUDA: " + text_of(driver, result) + remedy_of(result)};
}

}  // namespace ringway::cuda
