// NVIDIA's driver API, loaded at run time: nothing here is linked, so that a machine without a driver loads ringway too.
#pragma once
#include <cuda.h>

#include <string>

namespace ringway::cuda {

// Every entry point that this backend calls. cuda.h's macros put in the names of the versions that its declarations have.
#define RINGWAY_CUDA_ENTRIES(ENTRY)                  \
  ENTRY(cuInit)                                      \
  ENTRY(cuDriverGetVersion)                          \
  ENTRY(cuGetErrorName)                              \
  ENTRY(cuGetErrorString)                            \
  ENTRY(cuDeviceGetCount)                            \
  ENTRY(cuDeviceGet)                                 \
  ENTRY(cuDeviceGetName)                             \
  ENTRY(cuDeviceGetAttribute)                        \
  ENTRY(cuDevicePrimaryCtxRetain)                    \
  ENTRY(cuDevicePrimaryCtxRelease)                   \
  ENTRY(cuCtxPushCurrent)                            \
  ENTRY(cuCtxPopCurrent)                             \
  ENTRY(cuModuleLoadData)                            \
  ENTRY(cuModuleUnload)                              \
  ENTRY(cuModuleGetFunction)                         \
  ENTRY(cuFuncGetAttribute)                          \
  ENTRY(cuLaunchKernel)                              \
  ENTRY(cuLaunchCooperativeKernel)                   \
  ENTRY(cuOccupancyMaxActiveBlocksPerMultiprocessor) \
  ENTRY(cuStreamCreate)                              \
  ENTRY(cuStreamDestroy)                             \
  ENTRY(cuEventCreate)                               \
  ENTRY(cuEventDestroy)                              \
  ENTRY(cuEventRecord)                               \
  ENTRY(cuEventQuery)                                \
  ENTRY(cuEventSynchronize)                          \
  ENTRY(cuEventElapsedTime)                          \
  ENTRY(cuMemPoolCreate)                             \
  ENTRY(cuMemPoolDestroy)                            \
  ENTRY(cuMemPoolSetAttribute)                       \
  ENTRY(cuMemAllocFromPoolAsync)                     \
  ENTRY(cuMemFreeAsync)                              \
  ENTRY(cuMemcpyHtoDAsync)                           \
  ENTRY(cuMemcpyDtoHAsync)                           \
  ENTRY(cuMemsetD8Async)                             \
  ENTRY(cuMemAlloc)                                  \
  ENTRY(cuMemFree)                                   \
  ENTRY(cuMemHostRegister)                           \
  ENTRY(cuMemHostUnregister)                         \
  ENTRY(cuMemHostAlloc)                              \
  ENTRY(cuMemFreeHost)                               \
  ENTRY(cuPointerGetAttributes)

struct CudaDriver {
#define RINGWAY_CUDA_FIELD(name) decltype(&::name) name = nullptr;
  RINGWAY_CUDA_ENTRIES(RINGWAY_CUDA_FIELD)
#undef RINGWAY_CUDA_FIELD
};

// Fills the table from a library. Returns why it could not; empty when it could.
std::string load_driver(const char* library, CudaDriver* driver);

// The library that is loaded: RINGWAY_CUDA_DRIVER, which tests set, or libcuda.so.1.
const char* driver_library();

}  // namespace ringway::cuda
