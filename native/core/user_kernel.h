// A kernel that a program brings: compiled for this machine into a shared object that exports what
// include/ringway/kernel.h declares.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"
#include "ringway/kernel.h"

namespace ringway {

class UserKernel {
 public:
  // Throws kNotFound when the file cannot be loaded, kInvalidOption when it is of another version or its sizes differ from
  // what is said here.
  UserKernel(const std::string& path, KernelType type, u32 state_bytes);
  ~UserKernel();
  UserKernel(const UserKernel&) = delete;
  UserKernel& operator=(const UserKernel&) = delete;

  const KernelType& type() const { return type_; }
  const KernelUnit& unit() const { return *unit_; }

 private:
  const KernelType type_;
  void* library_ = nullptr;
  const KernelUnit* unit_ = nullptr;
};

}  // namespace ringway
