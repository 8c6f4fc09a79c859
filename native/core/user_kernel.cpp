#include "core/user_kernel.h"

#include <dlfcn.h>

#include <utility>

#include "core/error.h"

namespace ringway {

UserKernel::UserKernel(const std::string& path, KernelType type, u32 state_bytes) : type_(std::move(type)) {
  const std::string of = "kernel '" + type_.name + "': ";
  library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) {
    const char* const why = dlerror();
    throw Error(ErrorKind::kNotFound, of + "its compiled form cannot be loaded: " + (why ? why : path));
  }
  unit_ = static_cast<const KernelUnit*>(dlsym(library_, "ringway_kernel"));
  std::string wrong;
  if (!unit_) {
    wrong = path + " exports no 'ringway_kernel'; end the source with RINGWAY_KERNEL(Message, State, step)";
  } else if (unit_->abi != kKernelAbi) {
    wrong = path + " was compiled for version " + std::to_string(unit_->abi) +
            " of ringway/kernel.h, this is " + std::to_string(kKernelAbi);
  } else if (unit_->message_bytes != type_.body_size) {
    wrong = "its message has " + std::to_string(unit_->message_bytes) + " bytes in the source and " +
            std::to_string(type_.body_size) + " in its class";
  } else if (unit_->state_bytes != state_bytes) {
    wrong = "its state has " + std::to_string(unit_->state_bytes) + " bytes in the source and " +
            std::to_string(state_bytes) + " in its class";
  }
  if (wrong.empty()) return;
  dlclose(library_);
  throw Error(ErrorKind::kInvalidOption, of + wrong);
}

UserKernel::~UserKernel() {
  dlclose(library_);
}

}  // namespace ringway
