#include "backends/cuda/driver.h"

#include <dlfcn.h>

#include <cstdlib>

namespace ringway::cuda {
namespace {

std::string last_error() {
  const char* const text = dlerror();
  return text ? text : "the loader gives no reason";
}

template <class Function>
bool find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  return *function != nullptr;
}

}  // namespace

const char* driver_library() {
  const char* const asked = std::getenv("RINGWAY_CUDA_DRIVER");
  return asked && *asked ? asked : "libcuda.so.1";
}

std::string load_driver(const char* name, CudaDriver* driver) {
  // Never closed: the driver has threads of its own.
  void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    return "no NVIDIA driver: its library " + std::string(name) + " does not load (" + last_error() + ")";
  }
#define RINGWAY_CUDA_TEXT(name) #name
#define RINGWAY_CUDA_FIND(entry)                                                                          \
  if (!find(library, RINGWAY_CUDA_TEXT(entry), &driver->entry)) {                                         \
    return "the NVIDIA driver is too old: " + std::string(name) + " has no " + RINGWAY_CUDA_TEXT(entry) + \
           "; install a newer one";                                                                       \
  }
  RINGWAY_CUDA_ENTRIES(RINGWAY_CUDA_FIND)
#undef RINGWAY_CUDA_FIND
#undef RINGWAY_CUDA_TEXT
  return {};
}

}  // namespace ringway::cuda
