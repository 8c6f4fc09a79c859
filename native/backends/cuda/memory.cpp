#include "backends/cuda/memory.h"

#include <cstring>

#include "backends/cuda/errors.h"

namespace ringway::cuda {
namespace {

constexpr u64 kMostHeld = u64(256) << 20;  // bytes that a device's pool keeps across dispatches

}  // namespace

u8* PinnedPages::map(u64 bytes) {
  const Current current(*context_);
  void* memory = nullptr;
  const unsigned flags = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP;
  if (context_->driver.cuMemHostAlloc(&memory, bytes, flags) != CUDA_SUCCESS) return nullptr;
  std::memset(memory, 0, bytes);
  return static_cast<u8*>(memory);
}

void PinnedPages::unmap(u8* memory, u64) {
  const Current current(*context_);
  context_->driver.cuMemFreeHost(memory);
}

DevicePlace device_place(const CudaDriver& driver, const void* memory) {
  DevicePlace place;
  CUmemorytype type{};
  CUpointer_attribute wanted[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_DEVICE_POINTER,
                                  CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL};
  void* found[] = {&type, &place.address, &place.device};
  const auto asked = reinterpret_cast<CUdeviceptr>(memory);
  // Memory that CUDA does not know has no type.
  if (driver.cuPointerGetAttributes(3, wanted, found, asked) != CUDA_SUCCESS || !type) return {};
  place.on_device = type == CU_MEMORYTYPE_DEVICE;
  return place;
}

DevicePool::DevicePool(const CudaContext& context) : context_(context) {
  CUmemPoolProps props{};
  props.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  props.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  props.location.id = context.gpu.device;
  ensure(context.driver, context.driver.cuMemPoolCreate(&pool_, &props),
         "backend 'cuda': making a memory pool on " + context.gpu.name);
  cuuint64_t most = kMostHeld;
  context.driver.cuMemPoolSetAttribute(pool_, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &most);
}

DevicePool::~DevicePool() {
  context_.driver.cuMemPoolDestroy(pool_);
}

CUdeviceptr DevicePool::take(u64 bytes, CUstream stream, const std::string& what) {
  CUdeviceptr memory = 0;
  ensure(context_.driver, context_.driver.cuMemAllocFromPoolAsync(&memory, bytes, pool_, stream),
         what + ": " + std::to_string(bytes) + " bytes on " + context_.gpu.name);
  return memory;
}

void DevicePool::put_back(CUdeviceptr memory, CUstream stream) {
  context_.driver.cuMemFreeAsync(memory, stream);
}

}  // namespace ringway::cuda
