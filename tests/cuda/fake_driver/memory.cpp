// Memory of the fake driver: of the device, of the host, and what is found out about addresses.
#include "cuda/fake_driver/state.h"

using namespace fake_cuda;

#pragma GCC visibility push(default)

extern "C" {

CUresult cuMemPoolCreate(CUmemoryPool* pool, const CUmemPoolProps*) {
  ENTER("cuMemPoolCreate", kAnywhere);
  *pool = reinterpret_cast<CUmemoryPool>(new char);
  s.pools[*pool] = 1;
  ++s.alive.pools;
  return CUDA_SUCCESS;
}
CUresult cuMemPoolDestroy(CUmemoryPool pool) {
  ENTER("cuMemPoolDestroy", kAnywhere);
  if (!s.pools.erase(pool)) return s.breach("cuMemPoolDestroy", "a pool that is none");
  delete reinterpret_cast<char*>(pool);
  --s.alive.pools;
  return CUDA_SUCCESS;
}
CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute, void*) {
  ENTER("cuMemPoolSetAttribute", kAnywhere);
  return s.pools.count(pool) ? CUDA_SUCCESS : s.breach("cuMemPoolSetAttribute", "a pool that is none");
}
CUresult cuMemAllocFromPoolAsync(CUdeviceptr* memory, std::size_t bytes, CUmemoryPool pool, CUstream stream) {
  ENTER("cuMemAllocFromPoolAsync", kInContext);
  if (!s.pools.count(pool) || !s.stream_of("cuMemAllocFromPoolAsync", stream))
    return s.breach("cuMemAllocFromPoolAsync", "a pool or stream that is none");
  void* made = nullptr;
  const CUresult result = s.allocate(bytes, true, &made);
  *memory = reinterpret_cast<CUdeviceptr>(made);
  return result;
}
CUresult cuMemFreeAsync(CUdeviceptr memory, CUstream to) {
  State& s = state();  // that no error keeps from it: the fake counts what lives
  const std::lock_guard hold(s.lock);
  s.log.emplace_back("cuMemFreeAsync");
  Stream* const stream = s.stream_of("cuMemFreeAsync", to);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  stream->todo.emplace_back(
      [&s, memory] { return s.release("cuMemFreeAsync", reinterpret_cast<void*>(memory), true); });
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, std::size_t bytes, CUstream in) {
  ENTER("cuMemcpyHtoDAsync", kInContext);
  Stream* const stream = s.stream_of("cuMemcpyHtoDAsync", in);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  const CUresult result = s.drain(stream);  // as for memory that is not page-locked
  if (!s.block_of(reinterpret_cast<void*>(to), bytes))
    return s.breach("cuMemcpyHtoDAsync", "memory that is none of the device's");
  if (result == CUDA_SUCCESS) std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return result;
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, std::size_t bytes, CUstream in) {
  ENTER("cuMemcpyDtoHAsync", kInContext);
  Stream* const stream = s.stream_of("cuMemcpyDtoHAsync", in);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  const CUresult result = s.drain(stream);
  if (!s.block_of(reinterpret_cast<void*>(from), bytes))
    return s.breach("cuMemcpyDtoHAsync", "memory that is none of the device's");
  if (result == CUDA_SUCCESS) std::memcpy(to, reinterpret_cast<void*>(from), bytes);
  return result;
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, std::size_t bytes, CUstream in) {
  ENTER("cuMemsetD8Async", kInContext);
  Stream* const stream = s.stream_of("cuMemsetD8Async", in);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!s.block_of(reinterpret_cast<void*>(to), bytes))
    return s.breach("cuMemsetD8Async", "memory that is none of the device's");
  stream->todo.emplace_back([to, value, bytes] {
    std::memset(reinterpret_cast<void*>(to), value, bytes);
    return CUDA_SUCCESS;
  });
  return CUDA_SUCCESS;
}
// These wait for the device, or may: with a grid that does not leave, for ever.
#define NOT_UNDER_A_GRID(name) \
  if (s.alive.grids) s.breach(name, "a grid runs, for whose end the driver may wait")
CUresult cuMemAlloc(CUdeviceptr* memory, std::size_t bytes) {
  ENTER("cuMemAlloc", kInContext);
  NOT_UNDER_A_GRID("cuMemAlloc");
  void* made = nullptr;
  const CUresult result = s.allocate(bytes, true, &made);
  *memory = reinterpret_cast<CUdeviceptr>(made);
  return result;
}
CUresult cuMemFree(CUdeviceptr memory) {
  State& s = state();
  const std::lock_guard hold(s.lock);
  s.log.emplace_back("cuMemFree");
  return s.release("cuMemFree", reinterpret_cast<void*>(memory), true);
}
CUresult cuMemHostRegister(void* memory, std::size_t bytes, unsigned) {
  ENTER("cuMemHostRegister", kInContext);
  NOT_UNDER_A_GRID("cuMemHostRegister");
  const auto after = s.registered.upper_bound(memory);
  const auto* const begin = static_cast<const unsigned char*>(memory);
  const bool clear_before =
      after == s.registered.begin() ||
      static_cast<const unsigned char*>(std::prev(after)->first) + std::prev(after)->second <= begin;
  if (!clear_before || (after != s.registered.end() && after->first < begin + bytes))
    return s.breach("cuMemHostRegister", "a page twice", CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  s.registered[memory] = bytes;
  ++s.alive.registered;
  return CUDA_SUCCESS;
}
CUresult cuMemHostUnregister(void* memory) {
  State& s = state();
  const std::lock_guard hold(s.lock);
  s.log.emplace_back("cuMemHostUnregister");
  NOT_UNDER_A_GRID("cuMemHostUnregister");
  if (!s.registered.erase(memory)) return s.breach("cuMemHostUnregister", "memory that is not registered");
  --s.alive.registered;
  return CUDA_SUCCESS;
}
CUresult cuMemHostAlloc(void** memory, std::size_t bytes, unsigned) {
  ENTER("cuMemHostAlloc", kInContext);
  return s.allocate(bytes, false, memory);
}
CUresult cuMemFreeHost(void* memory) {
  State& s = state();
  const std::lock_guard hold(s.lock);
  s.log.emplace_back("cuMemFreeHost");
  return s.release("cuMemFreeHost", memory, false);
}
CUresult cuPointerGetAttributes(unsigned count, CUpointer_attribute* which, void** found,
                                CUdeviceptr memory) {
  ENTER("cuPointerGetAttributes", kInContext);
  static const Block host_memory{0, false, nullptr};
  const Block* block = s.block_of(reinterpret_cast<void*>(memory), 1);
  const auto after = s.registered.upper_bound(reinterpret_cast<void*>(memory));
  if (!block && after != s.registered.begin() &&
      reinterpret_cast<std::uintptr_t>(std::prev(after)->first) + std::prev(after)->second > memory)
    block = &host_memory;
  for (unsigned i = 0; i < count; ++i) {
    if (which[i] == CU_POINTER_ATTRIBUTE_MEMORY_TYPE) {
      const unsigned type = !block ? 0 : block->on_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
      std::memcpy(found[i], &type, sizeof(type));
    } else if (which[i] == CU_POINTER_ATTRIBUTE_DEVICE_POINTER) {
      const CUdeviceptr address = block ? memory : 0;
      std::memcpy(found[i], &address, sizeof(address));
    } else if (which[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) {
      const int device = block ? block->device : -2;
      std::memcpy(found[i], &device, sizeof(device));
    } else {
      return s.breach("cuPointerGetAttributes", "an attribute that the fake does not have");
    }
  }
  return CUDA_SUCCESS;
}

}  // extern "C"

#pragma GCC visibility pop
