// A driver without a GPU: every entry point that the backend calls, over memory of the host. What is put into a stream is
// done late, when somebody waits, so that who forgets to wait, or lets memory go too early, is found out.
#include "cuda/fake_driver/state.h"

using namespace fake_cuda;

extern "C" {

__attribute__((visibility("default"))) Control* fake_cuda_control() {
  return &state();
}

// For Python's tests, which have no classes.
__attribute__((visibility("default"))) void fake_cuda_trap(int result) {
  state().trap(CUresult(result), 1);
}
__attribute__((visibility("default"))) void fake_cuda_hang(int on) {
  state().hang(on != 0);
}
__attribute__((visibility("default"))) void* fake_cuda_device_memory(std::size_t bytes, int device) {
  return state().device_memory(bytes, device);
}

#pragma GCC visibility push(default)

CUresult cuInit(unsigned) {
  ENTER("cuInit", kAnywhere);
  return CUDA_SUCCESS;
}
CUresult cuDriverGetVersion(int* version) {
  ENTER("cuDriverGetVersion", kAnywhere);
  *version = s.version;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int* count) {
  ENTER("cuDeviceGetCount", kAnywhere);
  *count = s.devices;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice* device, int number) {
  ENTER("cuDeviceGet", kAnywhere);
  if (number >= s.devices) return s.breach("cuDeviceGet", "no such device");
  *device = number;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char* name, int room, CUdevice device) {
  ENTER("cuDeviceGetName", kAnywhere);
  std::strncpy(name, ("fake GPU " + std::to_string(device)).c_str(), std::size_t(room));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice) {
  ENTER("cuDeviceGetAttribute", kAnywhere);
  switch (which) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = s.major; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = s.minor; break;
    case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: *value = 1; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 4; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 49152; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *value = 2147483647; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *value = 65535; break;
    default: return s.breach("cuDeviceGetAttribute", "an attribute that the fake does not have");
  }
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  ENTER("cuDevicePrimaryCtxRetain", kAnywhere);
  ++s.alive.contexts;
  *context = reinterpret_cast<CUcontext>(std::uintptr_t(0x1000 + device));
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) {
  ENTER("cuDevicePrimaryCtxRelease", kAnywhere);
  --s.alive.contexts;
  return CUDA_SUCCESS;
}
CUresult cuCtxPushCurrent(CUcontext context) {
  ENTER("cuCtxPushCurrent", kAnywhere);
  if (!s.alive.contexts) return s.breach("cuCtxPushCurrent", "the context is released");
  ++s.alive.current;
  stack.push_back(context);
  return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext* context) {
  ENTER("cuCtxPopCurrent", kAnywhere);
  if (stack.empty()) return s.breach("cuCtxPopCurrent", "no context is current");
  --s.alive.current;
  *context = stack.back();
  stack.pop_back();
  return CUDA_SUCCESS;
}
CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  ENTER("cuModuleLoadData", kInContext);
  unsigned magic = 0;
  std::memcpy(&magic, image, sizeof(magic));
  if (magic != kFatbinMagic)
    return s.breach("cuModuleLoadData", "no image of nvcc", CUDA_ERROR_INVALID_IMAGE);
  *module = reinterpret_cast<CUmodule>(new char);
  s.modules[*module] = 1;
  ++s.alive.modules;
  return CUDA_SUCCESS;
}
CUresult cuModuleUnload(CUmodule module) {
  ENTER("cuModuleUnload", kInContext);
  if (!s.modules.erase(module)) return s.breach("cuModuleUnload", "a module that is none");
  delete reinterpret_cast<char*>(module);
  --s.alive.modules;
  return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  ENTER("cuModuleGetFunction", kInContext);
  if (!s.modules.count(module)) return s.breach("cuModuleGetFunction", "a module that is none");
  const auto found = kernels().find(name);
  if (found == kernels().end()) return CUDA_ERROR_NOT_FOUND;
  *function = reinterpret_cast<CUfunction>(&found->second);
  return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int* value, CUfunction_attribute which, CUfunction) {
  ENTER("cuFuncGetAttribute", kInContext);
  *value = which == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
  return CUDA_SUCCESS;
}
CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                        unsigned bz, unsigned group_bytes, CUstream to, void** parameters, void**) {
  ENTER("cuLaunchKernel", kInContext);
  Stream* const stream = s.stream_of("cuLaunchKernel", to);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!gx || !gy || !gz || gy > 65535 || gz > 65535 || bx * by * bz > 1024 || bx * by * bz == 0 ||
      group_bytes > 49152) {
    return s.breach("cuLaunchKernel", "a grid that the device does not have");
  }
  Launch launch;
  launch.kernel = reinterpret_cast<const Kernel*>(function);
  launch.groups = {gx, gy, gz};
  launch.group = {bx, by, bz};
  launch.group_bytes = group_bytes;
  for (std::size_t i = 0; i < launch.kernel->parameters.size(); ++i) {
    const auto* const from = static_cast<const unsigned char*>(parameters[i]);
    launch.parameters.emplace_back(from, from + launch.kernel->parameters[i].bytes);
  }
  const CUresult fault = std::exchange(s.kernel_fault, CUDA_SUCCESS);
  stream->todo.emplace_back([&s, launch = std::move(launch), fault] {
    if (fault != CUDA_SUCCESS) return fault;
    for (std::size_t i = 0; i < launch.parameters.size(); ++i) {
      if (!launch.kernel->parameters[i].pointer) continue;
      const void* address = nullptr;
      std::memcpy(&address, launch.parameters[i].data(), sizeof(address));
      if (address && !s.block_of(address, 0)) {
        return s.breach("kernel",
                        "parameter " + std::to_string(i) + " is memory that the device does not see",
                        CUDA_ERROR_ILLEGAL_ADDRESS);
      }
    }
    // Other threads call the driver meanwhile.
    s.lock.unlock();
    const std::string wrong = run(launch);
    s.lock.lock();
    return wrong.empty() ? CUDA_SUCCESS : s.breach("kernel", wrong, CUDA_ERROR_LAUNCH_FAILED);
  });
  return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction, int, std::size_t) {
  ENTER("cuOccupancyMaxActiveBlocksPerMultiprocessor", kInContext);
  *blocks = 2;
  return CUDA_SUCCESS;
}
CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                                   unsigned by, unsigned bz, unsigned, CUstream to, void** parameters) {
  ENTER("cuLaunchCooperativeKernel", kInContext);
  Stream* const stream = s.stream_of("cuLaunchCooperativeKernel", to);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!gx || gy != 1 || gz != 1)
    return s.breach("cuLaunchCooperativeKernel", "a grid that the fake does not have");
  if (gx > s.most_blocks) return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
  if (const CUresult result = s.drain(stream); result != CUDA_SUCCESS) return result;
  const auto grid = std::make_shared<Grid>();
  grid->launch.kernel = reinterpret_cast<const Kernel*>(function);
  grid->launch.groups = {gx, gy, gz};
  grid->launch.group = {bx, by, bz};
  for (std::size_t i = 0; i < grid->launch.kernel->parameters.size(); ++i) {
    const auto* const from = static_cast<const unsigned char*>(parameters[i]);
    grid->launch.parameters.emplace_back(from, from + grid->launch.kernel->parameters[i].bytes);
  }
  grid->running = gx;
  ++s.alive.grids;
  for (unsigned block = 0; block < gx; ++block) {
    grid->blocks.emplace_back([grid = grid.get(), block] {
      pthread_setname_np(pthread_self(), "fake GPU");
      try {
        run_alone(grid->launch, block);
      } catch (const Trapped&) {
      }
      --grid->running;
    });
  }
  stream->todo.emplace_back(
      [&s, grid] {
        s.lock.unlock();
        for (std::thread& block : grid->blocks) block.join();
        s.lock.lock();
        --s.alive.grids;
        return faults().trapped ? s.trap_result : CUDA_SUCCESS;
      },
      [grid] { return grid->running == 0; });
  return CUDA_SUCCESS;
}
CUresult cuStreamCreate(CUstream* stream, unsigned) {
  ENTER("cuStreamCreate", kInContext);
  auto made = std::make_unique<Stream>();
  *stream = reinterpret_cast<CUstream>(made.get());
  s.streams[*stream] = std::move(made);
  ++s.alive.streams;
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
  ENTER("cuStreamDestroy", kInContext);
  Stream* const going = s.stream_of("cuStreamDestroy", stream);
  if (!going) return CUDA_ERROR_INVALID_HANDLE;
  s.drain(going);
  s.streams.erase(stream);
  --s.alive.streams;
  return CUDA_SUCCESS;
}
CUresult cuEventCreate(CUevent* event, unsigned) {
  ENTER("cuEventCreate", kInContext);
  auto made = std::make_unique<Event>();
  *event = reinterpret_cast<CUevent>(made.get());
  s.events[*event] = std::move(made);
  ++s.alive.events;
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
  State& s = state();
  const std::lock_guard hold(s.lock);
  s.log.emplace_back("cuEventDestroy");
  if (!s.events.erase(event)) return s.breach("cuEventDestroy", "an event that is none");
  --s.alive.events;
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream to) {
  ENTER("cuEventRecord", kInContext);
  Stream* const stream = s.stream_of("cuEventRecord", to);
  if (!stream || !s.events.count(event)) return s.breach("cuEventRecord", "an event that is none");
  Event* const recorded = s.events[event].get();
  recorded->stream = stream;
  recorded->position = stream->done + stream->todo.size() + 1;
  stream->todo.emplace_back([&s, event] {
    if (s.events.count(event)) s.events[event]->at = now_ms();
    return CUDA_SUCCESS;
  });
  return CUDA_SUCCESS;
}
CUresult cuEventQuery(CUevent event) {
  ENTER("cuEventQuery", kInContext);
  if (!s.events.count(event) || !s.events[event]->stream)
    return s.breach("cuEventQuery", "an event that was not recorded");
  Stream* const stream = s.events[event]->stream;
  while (stream->done < s.events[event]->position) {
    const Work& next = stream->todo.front();
    if (next.is_over && !next.is_over()) return CUDA_ERROR_NOT_READY;
    if (const CUresult result = s.drain(stream, stream->done + 1); result != CUDA_SUCCESS) return result;
  }
  return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
  ENTER("cuEventSynchronize", kInContext);
  if (!s.events.count(event) || !s.events[event]->stream)
    return s.breach("cuEventSynchronize", "an event that was not recorded");
  return s.drain(s.events[event]->stream, s.events[event]->position);
}
CUresult cuEventElapsedTime(float* milliseconds, CUevent begin, CUevent end) {
  ENTER("cuEventElapsedTime", kInContext);
  *milliseconds = float(s.events[end]->at - s.events[begin]->at);
  return CUDA_SUCCESS;
}
#pragma GCC visibility pop

}  // extern "C"
