#pragma once
#include <atomic>
#include <mutex>
#include <string>

namespace softmetal {

// The codes of MTLCommandBufferError.
enum FailureCode : int {
  kInternal = 1,
  kTimeout = 2,
  kPageFault = 3,
  kOutOfMemory = 8,
  kInvalidResource = 9,
  kDeviceRemoved = 11,
  kStackOverflow = 12
};

// The first failure of a command buffer.
class Failure {
 public:
  void set(int code, std::string message) {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (code_) return;
    message_ = std::move(message);
    code_ = code;
  }
  int code() const { return code_; }
  std::string message() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return message_;
  }

 private:
  std::atomic<int> code_{0};
  mutable std::mutex mutex_;
  std::string message_;
};

}  // namespace softmetal
