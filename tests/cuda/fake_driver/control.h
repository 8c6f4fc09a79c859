// What a test sees of the fake driver: which calls fail, what is alive, which rules were broken.
#pragma once
#include <cuda.h>

#include <string>
#include <vector>

namespace fake_cuda {

// Alive; all zero when nothing leaks.
struct Counts {
  int contexts = 0;  // times that the primary context is retained
  int current = 0;   // contexts on the threads' stacks
  int modules = 0, streams = 0, events = 0, pools = 0;
  int device_blocks = 0, host_blocks = 0;
  int registered = 0;  // ranges of the host's own memory that are page-locked
  int grids = 0;       // cooperative ones that run

  int sum() const {
    return contexts + current + modules + streams + events + pools + device_blocks + host_blocks +
           registered + grids;
  }
};

struct Control {
  virtual ~Control() = default;
  // As at the start: one device of compute capability 9.0, no failures, no calls.
  virtual void reset() = 0;
  virtual void set_devices(int count) = 0;
  virtual void set_capability(int major, int minor) = 0;
  // Of CUDA, 13000 for 13.0; at the start, that of cuda.h.
  virtual void set_version(int version) = 0;
  // The call of that name gives `result` once, after `good` calls that do not.
  virtual void fail(const std::string& entry, CUresult result, int good = 0) = 0;
  // What is launched next ends with it, as a kernel's fault does: found when the host waits, and kept.
  virtual void fail_kernel(CUresult result) = 0;
  // The handler of a cooperative grid that begins next but `handlers` - 1 ends the grid with `result`, which is kept.
  virtual void trap(CUresult result, int handlers = 1) = 0;
  // Handlers do not return while it is on.
  virtual void hang(bool on) = 0;
  // Most blocks that cooperative grids have at one time.
  virtual void set_cooperative_blocks(unsigned most) = 0;
  // Memory of a GPU, as another library's array has it.
  virtual void* device_memory(std::size_t bytes, int device) = 0;
  virtual void free_device_memory(void* memory) = 0;
  virtual Counts counts() const = 0;
  // Names, in order.
  virtual std::vector<std::string> calls() const = 0;
  // Rules of the API that were broken: no context, a handle that is none, memory that the device does not see, freed twice.
  virtual std::vector<std::string> violations() const = 0;
};

// The library exports it under this name.
using GetControl = Control* (*)();
inline constexpr const char* kGetControl = "fake_cuda_control";

}  // namespace fake_cuda
