// What the fake driver holds: memory, streams and what is left to do in them, failures to come.
#pragma once
#include <cuda.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cuda/fake_driver/control.h"
#include "cuda/fake_driver/device.h"

namespace fake_cuda {

inline constexpr unsigned char kPoison = 0xCD;
inline constexpr unsigned kFatbinMagic = 0xBA55ED50;

struct Block {
  std::size_t bytes;
  bool on_device;
  std::unique_ptr<unsigned char[]> memory;
  int device = 0;
};
struct Work {
  Work(std::function<CUresult()> what, std::function<bool()> whether = {})
      : run(std::move(what)), is_over(std::move(whether)) {}
  CUresult operator()() const { return run(); }

  std::function<CUresult()> run;
  std::function<bool()> is_over;  // of what has begun: whether run() would return at once
};
// A cooperative grid; its blocks run from its launch on.
struct Grid {
  Launch launch;
  std::vector<std::thread> blocks;
  std::atomic<unsigned> running{0};
};
struct Stream {
  std::deque<Work> todo;
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

inline thread_local std::vector<CUcontext> stack;

inline double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct State : Control {
  mutable std::recursive_mutex lock;
  int devices = 1, major = 9, minor = 0, version = CUDA_VERSION;
  std::deque<Failure> failures;
  CUresult kernel_fault = CUDA_SUCCESS;
  CUresult trap_result = CUDA_SUCCESS;
  unsigned most_blocks = 8;
  std::map<const void*, std::size_t> registered;
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
    kernel_fault = sticky = trap_result = CUDA_SUCCESS;
    most_blocks = 8;
    faults().hangs = faults().trapped = false;
    faults().traps_in = 0;
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
  void trap(CUresult result, int handlers) override {
    std::lock_guard hold(lock);
    trap_result = result;
    faults().traps_in = handlers;
  }
  void hang(bool on) override { faults().hangs = on; }
  void set_cooperative_blocks(unsigned most) override {
    std::lock_guard hold(lock);
    most_blocks = most;
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
  Counts counts() const override {
    std::lock_guard hold(lock);
    return alive;
  }
  std::vector<std::string> calls() const override {
    std::lock_guard hold(lock);
    return log;
  }
  std::vector<std::string> violations() const override {
    std::lock_guard hold(lock);
    return broken;
  }

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
      const Work work = std::move(stream->todo.front());
      stream->todo.pop_front();
      ++stream->done;
      if (const CUresult result = work(); result != CUDA_SUCCESS && sticky == CUDA_SUCCESS) sticky = result;
    }
    return sticky;
  }
  CUresult drain(Stream* stream) { return drain(stream, stream->done + stream->todo.size()); }
};

inline State& state() {
  static auto* const one = new State;
  return *one;
}

inline constexpr bool kInContext = true, kAnywhere = false;

}  // namespace fake_cuda

// Begins an entry: the lock, the note, and the failure that is due.
#define ENTER(name, needs_context)    \
  State& s = state();                 \
  const std::lock_guard hold(s.lock); \
  if (const CUresult due = s.enter(name, needs_context); due != CUDA_SUCCESS) return due
