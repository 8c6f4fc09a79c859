#include "backends/cuda/gpu.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "backends/cuda/errors.h"

namespace ringway::cuda {
namespace {

constexpr u32 kLeastCapability = 80;

struct Choice {
  CudaGpu gpu;
  std::string why_not;
};

std::string decimal(u32 tenths) {
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}
std::string version_text(u32 version) {
  return std::to_string(version / 1000) + "." + std::to_string(version / 10 % 100);
}

std::string failed(const CudaDriver& driver, CUresult result, const char* step) {
  return std::string(step) + " failed: " + text_of(driver, result);
}

std::string choose_number(u32 devices, u32* number) {
  const char* const asked = std::getenv("RINGWAY_CUDA_DEVICE");
  *number = 0;
  if (!asked || !*asked) return {};
  const char* const end = asked + std::strlen(asked);
  const auto [stopped, error] = std::from_chars(asked, end, *number);
  if (error == std::errc() && stopped == end && *number < devices) return {};
  return "RINGWAY_CUDA_DEVICE is '" + std::string(asked) + "'; it must be 0 to " +
         std::to_string(devices - 1);
}

u32 attribute(const CudaGpu& gpu, CUdevice_attribute which) {
  int value = 0;
  return gpu.driver.cuDeviceGetAttribute(&value, which, gpu.device) == CUDA_SUCCESS ? u32(value) : 0;
}

Choice choose() {
  Choice choice;
  choice.why_not = load_driver(driver_library(), &choice.gpu.driver);
  if (choice.why_not.empty()) choice.why_not = find_gpu(&choice.gpu);
  return choice;
}

// Never destroyed: the driver's threads may outlive main().
const Choice& chosen() {
  static const Choice* const choice = new Choice(choose());
  return *choice;
}

}  // namespace

std::string find_gpu(CudaGpu* gpu) {
  const CudaDriver& driver = gpu->driver;
  if (const CUresult result = driver.cuInit(0); result == CUDA_ERROR_NO_DEVICE)
    return "this machine has no NVIDIA GPU that the driver shows (CUDA_VISIBLE_DEVICES may hide some)";
  else if (result != CUDA_SUCCESS)
    return failed(driver, result, "starting the NVIDIA driver");
  int version = 0, devices = 0;
  if (const CUresult result = driver.cuDriverGetVersion(&version); result != CUDA_SUCCESS)
    return failed(driver, result, "asking the driver for its version");
  gpu->version = u32(version);
  // A driver loads images of its own major version and of older ones.
  if (gpu->version / 1000 < CUDA_VERSION / 1000) {
    return "the NVIDIA driver is too old: it is for CUDA " + version_text(gpu->version) +
           ", and ringway was built with CUDA " + version_text(CUDA_VERSION) + "; install a newer driver";
  }
  if (const CUresult result = driver.cuDeviceGetCount(&devices); result != CUDA_SUCCESS)
    return failed(driver, result, "counting devices");
  if (devices == 0)
    return "this machine has no NVIDIA GPU that the driver shows (CUDA_VISIBLE_DEVICES may hide some)";
  u32 number = 0;
  if (std::string wrong = choose_number(u32(devices), &number); !wrong.empty()) return wrong;
  if (const CUresult result = driver.cuDeviceGet(&gpu->device, int(number)); result != CUDA_SUCCESS)
    return failed(driver, result, "opening the device");
  char name[256] = "";
  if (const CUresult result = driver.cuDeviceGetName(name, sizeof(name), gpu->device); result != CUDA_SUCCESS)
    return failed(driver, result, "asking the device for its name");
  gpu->name = name;
  gpu->capability = 10 * attribute(*gpu, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
                    attribute(*gpu, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  if (gpu->capability < kLeastCapability) {
    return gpu->name + " is too old: its compute capability is " + decimal(gpu->capability) + ", and " +
           decimal(kLeastCapability) + " is the least";
  }
  if (!attribute(*gpu, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED))
    return gpu->name + " has no stream-ordered memory pools here; virtual GPUs may lack them";
  gpu->processors = attribute(*gpu, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  gpu->most_group_bytes = attribute(*gpu, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK);
  gpu->most_groups[0] = attribute(*gpu, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X);
  gpu->most_groups[1] = attribute(*gpu, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y);
  gpu->most_groups[2] = attribute(*gpu, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z);
  CUcontext context = nullptr;
  if (const CUresult result = driver.cuDevicePrimaryCtxRetain(&context, gpu->device); result != CUDA_SUCCESS)
    return failed(driver, result, ("making a context on " + gpu->name).c_str());
  driver.cuDevicePrimaryCtxRelease(gpu->device);
  return {};
}

std::string why_no_gpu() {
  return chosen().why_not;
}

const CudaGpu& gpu() {
  if (!chosen().why_not.empty())
    throw Error(ErrorKind::kBackendUnavailable, "backend 'cuda': " + chosen().why_not);
  return chosen().gpu;
}

std::string description(const CudaGpu& gpu) {
  return gpu.name + ", compute capability " + decimal(gpu.capability) + ", CUDA " + version_text(gpu.version);
}

CudaContext::CudaContext(const CudaGpu& of) : gpu(of), driver(of.driver) {
  ensure(driver, driver.cuDevicePrimaryCtxRetain(&handle, gpu.device),
         "backend 'cuda': making a context on " + gpu.name);
}

CudaContext::~CudaContext() {
  driver.cuDevicePrimaryCtxRelease(gpu.device);
}

}  // namespace ringway::cuda
