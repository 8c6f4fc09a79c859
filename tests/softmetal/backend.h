// Short forms for tests of the Metal backend.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"

namespace metal_test {

using namespace ringway;

// What a call throws, "kind: text" with the kind's number; empty when it throws nothing.
struct Thrown {
  bool any = false;
  ErrorKind kind{};
  std::string text;
};
inline Thrown thrown_by(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return {true, error.kind(), error.what()};
  }
  return {};
}

// A dispatcher of the backend, its pool, and dispatches waited for with a deadline.
class Device {
 public:
  Device();
  ~Device();

  Dispatcher& dispatcher() { return *dispatcher_; }
  template <class T>
  T* buffer(u64 elements) {
    held_.push_back(pool_->take(elements * sizeof(T)));
    return reinterpret_cast<T*>(held_.back().get());
  }
  // A dispatch over `threads` of one axis; words of buffers are their addresses.
  std::shared_ptr<DispatchJob> start(const DispatchKernel& kernel, DType element, Extent threads,
                                     Extent group, const std::vector<u64>& words);
  std::shared_ptr<DispatchJob> start(const char* kernel, DType element, u64 threads, u64 group,
                                     const std::vector<u64>& words) {
    return start(dispatch_kernel(kernel), element, {threads, 1, 1}, {group, 1, 1}, words);
  }
  // What the dispatch threw; says so when it has not ended within 20 s.
  static Thrown end(const std::shared_ptr<DispatchJob>& job);
  Thrown run(const char* kernel, DType element, u64 threads, u64 group, const std::vector<u64>& words) {
    return end(start(kernel, element, threads, group, words));
  }
  void trim() { pool_->trim(); }

 private:
  std::unique_ptr<Dispatcher> dispatcher_;
  std::shared_ptr<BufferPool> pool_;
  std::vector<std::shared_ptr<u8>> held_;
};

// What the log says, at the level debug, while `call` runs.
std::string log_of(const std::function<void()>& call);

// Objects of Metal's that live. The thread that called a handler lets go of what it held a little later.
long left(const char* kind);

// Orders of the device: from `first`, where 0 is the plain one; RINGWAY_FULL has 200.
std::vector<int> orders(int first, int last);

template <class T>
u64 word(T* memory) {
  return reinterpret_cast<u64>(memory);
}

}  // namespace metal_test

#ifndef EXPECT_SAYS
#define EXPECT_SAYS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "it says: " << std::string(text)
#endif
