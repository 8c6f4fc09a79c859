// A driver without a GPU: every entry point that the backend calls, over memory of the host. What is put into a stream is
// done late, when somebody waits, so that who forgets to wait, or lets memory go too early, is found out.
#include <cuda.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "cuda/fake_driver/control.h"
#include "cuda/fake_driver/device.h"

namespace fake_cuda {
namespace {

constexpr unsigned char kPoison = 0xCD;
constexpr unsigned kFatbinMagic = 0xBA55ED50;

struct Block {
  std::size_t bytes;
  bool on_device;
  std::unique_ptr<unsigned char[]> memory;
  int device = 0;
};
struct Stream {
  std::deque<std::function<CUresult()>> todo;
  std::size_t done = 0;  // ever
};
struct Event {
  Stream* stream = nullptr;
  std::size_t position = 0;
  double at = 0;  // ms
};
struct Failure {
  std::string entry;
  CUresult result;
  int good;
};

thread_local std::vector<CUcontext> stack;

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct State : Control {
  std::recursive_mutex lock;
  int devices = 1, major = 9, minor = 0, version = CUDA_VERSION;
  std::deque<Failure> failures;
  CUresult kernel_fault = CUDA_SUCCESS;
  CUresult sticky = CUDA_SUCCESS;
  Counts alive;
  std::vector<std::string> log, broken;
  std::map<const void*, Block> blocks;
  std::map<const void*, std::unique_ptr<Stream>> streams;
  std::map<const void*, std::unique_ptr<Event>> events;
  std::map<const void*, int> modules, pools;

  State() { read_environment(); }

  // FAKE_CUDA="cuInit=999 capability=7.5 devices=0"
  void read_environment() {
    const char* text = std::getenv("FAKE_CUDA");
    std::string rest = text ? text : "";
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      const std::string word = rest.substr(0, end);
      rest.erase(0, end + 1);
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) continue;
      const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
      if (name == "devices") {
        devices = std::atoi(value.c_str());
      } else if (name == "version") {
        version = std::atoi(value.c_str());
      } else if (name == "capability") {
        major = std::atoi(value.c_str());
        minor = value.find('.') == std::string::npos ? 0 : std::atoi(value.c_str() + value.find('.') + 1);
      } else {
        failures.push_back({name, CUresult(std::atoi(value.c_str())), 0});
      }
    }
  }

  void reset() override {
    std::lock_guard hold(lock);
    devices = 1;
    major = 9;
    minor = 0;
    version = CUDA_VERSION;
    failures.clear();
    kernel_fault = sticky = CUDA_SUCCESS;
    log.clear();
    broken.clear();
  }
  void set_devices(int count) override { devices = count; }
  void set_capability(int of_major, int of_minor) override {
    major = of_major;
    minor = of_minor;
  }
  void set_version(int of) override { version = of; }
  void fail(const std::string& entry, CUresult result, int good) override {
    std::lock_guard hold(lock);
    failures.push_back({entry, result, good});
  }
  void fail_kernel(CUresult result) override {
    std::lock_guard hold(lock);
    kernel_fault = result;
  }
  void* device_memory(std::size_t bytes, int device) override {
    std::lock_guard hold(lock);
    void* memory = nullptr;
    allocate(bytes, true, &memory);
    blocks.at(memory).device = device;
    return memory;
  }
  void free_device_memory(void* memory) override {
    std::lock_guard hold(lock);
    release("free_device_memory", memory, true);
  }
  Counts counts() const override { return alive; }
  std::vector<std::string> calls() const override { return log; }
  std::vector<std::string> violations() const override { return broken; }

  // Of every entry: notes it, and gives the failure that is due.
  CUresult enter(const char* name, bool needs_context) {
    log.emplace_back(name);
    if (needs_context && stack.empty())
      return breach(name, "no context is current", CUDA_ERROR_INVALID_CONTEXT);
    for (auto failure = failures.begin(); failure != failures.end(); ++failure) {
      if (failure->entry != name || failure->good-- > 0) continue;
      const CUresult result = failure->result;
      failures.erase(failure);
      return result;
    }
    return needs_context ? sticky : CUDA_SUCCESS;
  }
  CUresult breach(const std::string& entry, const std::string& what,
                  CUresult result = CUDA_ERROR_INVALID_VALUE) {
    broken.push_back(entry + ": " + what);
    return result;
  }

  const Block* block_of(const void* memory, std::size_t bytes) const {
    auto after = blocks.upper_bound(memory);
    if (after == blocks.begin()) return nullptr;
    --after;
    const auto* const begin = static_cast<const unsigned char*>(after->first);
    const auto* const at = static_cast<const unsigned char*>(memory);
    return at + bytes <= begin + after->second.bytes ? &after->second : nullptr;
  }
  CUresult allocate(std::size_t bytes, bool on_device, void** made) {
    constexpr std::size_t kMost = std::size_t(1) << 32;
    if (bytes > kMost) return CUDA_ERROR_OUT_OF_MEMORY;
    // Page-aligned, as the driver's is.
    Block block{bytes, on_device, std::make_unique<unsigned char[]>(bytes + 4096), 0};
    auto number = reinterpret_cast<std::uintptr_t>(block.memory.get());
    void* const memory = reinterpret_cast<void*>((number + 4095) / 4096 * 4096);
    std::memset(memory, kPoison, bytes);
    blocks.emplace(memory, std::move(block));
    ++(on_device ? alive.device_blocks : alive.host_blocks);
    *made = memory;
    return CUDA_SUCCESS;
  }
  CUresult release(const char* entry, const void* memory, bool on_device) {
    const auto found = blocks.find(memory);
    if (found == blocks.end() || found->second.on_device != on_device)
      return breach(entry, "memory that is none");
    blocks.erase(found);
    --(on_device ? alive.device_blocks : alive.host_blocks);
    return CUDA_SUCCESS;
  }

  Stream* stream_of(const char* entry, CUstream stream) {
    const auto found = streams.find(stream);
    if (found != streams.end()) return found->second.get();
    breach(entry, "a stream that is none");
    return nullptr;
  }
  // Does what is in the stream, up to its `count`-th piece of work ever.
  CUresult drain(Stream* stream, std::size_t count) {
    while (stream->done < count && !stream->todo.empty()) {
      const auto work = std::move(stream->todo.front());
      stream->todo.pop_front();
      ++stream->done;
      if (const CUresult result = work(); result != CUDA_SUCCESS && sticky == CUDA_SUCCESS) sticky = result;
    }
    return sticky;
  }
  CUresult drain(Stream* stream) { return drain(stream, stream->done + stream->todo.size()); }
};

State& state() {
  static auto* const one = new State;
  return *one;
}

constexpr bool kInContext = true, kAnywhere = false;

}  // namespace
}  // namespace fake_cuda

using namespace fake_cuda;

// Begins an entry: the lock, the note, and the failure that is due.
#define ENTER(name, needs_context)    \
  State& s = state();                 \
  const std::lock_guard hold(s.lock); \
  if (const CUresult due = s.enter(name, needs_context); due != CUDA_SUCCESS) return due

extern "C" {

__attribute__((visibility("default"))) Control* fake_cuda_control() {
  return &state();
}

// For Python's tests, which have no classes.
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
CUresult cuGetErrorName(CUresult error, const char** text) {
  switch (error) {
    case CUDA_ERROR_OUT_OF_MEMORY: *text = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case CUDA_ERROR_NO_DEVICE: *text = "CUDA_ERROR_NO_DEVICE"; break;
    case CUDA_ERROR_INVALID_VALUE: *text = "CUDA_ERROR_INVALID_VALUE"; break;
    case CUDA_ERROR_INVALID_CONTEXT: *text = "CUDA_ERROR_INVALID_CONTEXT"; break;
    case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: *text = "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"; break;
    case CUDA_ERROR_ILLEGAL_ADDRESS: *text = "CUDA_ERROR_ILLEGAL_ADDRESS"; break;
    case CUDA_ERROR_LAUNCH_FAILED: *text = "CUDA_ERROR_LAUNCH_FAILED"; break;
    case CUDA_ERROR_LAUNCH_TIMEOUT: *text = "CUDA_ERROR_LAUNCH_TIMEOUT"; break;
    case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: *text = "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"; break;
    case CUDA_ERROR_NO_BINARY_FOR_GPU: *text = "CUDA_ERROR_NO_BINARY_FOR_GPU"; break;
    case CUDA_ERROR_NOT_FOUND: *text = "CUDA_ERROR_NOT_FOUND"; break;
    default: *text = nullptr; return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult error, const char** text) {
  switch (error) {
    case CUDA_ERROR_OUT_OF_MEMORY: *text = "out of memory"; break;
    case CUDA_ERROR_NO_DEVICE: *text = "no CUDA-capable device is detected"; break;
    case CUDA_ERROR_INVALID_VALUE: *text = "invalid argument"; break;
    case CUDA_ERROR_INVALID_CONTEXT: *text = "invalid device context"; break;
    case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
      *text = "system has unsupported display driver / cuda driver combination";
      break;
    case CUDA_ERROR_ILLEGAL_ADDRESS: *text = "an illegal memory access was encountered"; break;
    case CUDA_ERROR_LAUNCH_FAILED: *text = "unspecified launch failure"; break;
    case CUDA_ERROR_LAUNCH_TIMEOUT: *text = "the launch timed out and was terminated"; break;
    case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: *text = "too many resources requested for launch"; break;
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
      *text = "no kernel image is available for execution on the device";
      break;
    case CUDA_ERROR_NOT_FOUND: *text = "named symbol not found"; break;
    default: *text = nullptr; return CUDA_ERROR_INVALID_VALUE;
  }
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
  const Block* const block = s.block_of(reinterpret_cast<void*>(memory), 1);
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

#pragma GCC visibility pop

}  // extern "C"
