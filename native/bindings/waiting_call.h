// Calls that wait in native code with the GIL released.
#pragma once
#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>
#include <thread>
#include <unordered_map>

namespace ringway::bindings {

// Releases the GIL for its life, and is counted under its owner, a runtime, device or queue. Before Python 3.14 a daemon thread that asks for the
// GIL while the interpreter ends has its stack unwound, which terminates a C++ program; so closing an owner, which the
// interpreter's exit does too, lets the calls that it wakes come back first. The counts are guarded by the GIL.
class WaitingCall {
 public:
  explicit WaitingCall(const void* owner) : owner_(owner) {
    ++counts()[owner_];
    unlocked_.emplace();
  }
  ~WaitingCall() {
    unlocked_.reset();
    const auto found = counts().find(owner_);
    if (--found->second == 0) counts().erase(found);
  }
  WaitingCall(const WaitingCall&) = delete;
  WaitingCall& operator=(const WaitingCall&) = delete;

  // Until no call waits under `owner`, or for half a second: a call may be this thread's own, in a signal handler.
  static void let_return(const void* owner) {
    constexpr std::chrono::microseconds kPause(50);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    while (counts().count(owner) && std::chrono::steady_clock::now() < end) {
      pybind11::gil_scoped_release unlocked;
      std::this_thread::sleep_for(kPause);
    }
  }

 private:
  static std::unordered_map<const void*, int>& counts() {
    static std::unordered_map<const void*, int> all;
    return all;
  }

  const void* owner_;
  std::optional<pybind11::gil_scoped_release> unlocked_;
};

}  // namespace ringway::bindings
