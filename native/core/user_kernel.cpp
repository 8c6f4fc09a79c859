#include "core/user_kernel.h"

#include <dlfcn.h>

#include <cstring>
#include <utility>

#include "core/error.h"

namespace ringway {

namespace {

void check_state(std::size_t given, const KernelType& type, u32 bytes) {
  if (given == bytes) return;
  throw Error(ErrorKind::kInvalidOption, "state has " + std::to_string(given) + " bytes; kernel '" +
                                             type.name + "' has " + std::to_string(bytes));
}

constexpr KernelUnit kOnDevice{};

}  // namespace

CompiledKernel::CompiledKernel(const std::string& path, KernelType type, u32 state_bytes,
                               std::shared_ptr<void> program)
    : UserKernel(std::move(type), std::move(program)) {
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
  } else if (unit_->timers != type_.periods.size()) {
    wrong = "it has " + std::to_string(unit_->timers) + " timers in the source and " +
            std::to_string(type_.periods.size()) + " periods";
  }
  if (wrong.empty()) return;
  dlclose(library_);
  throw Error(ErrorKind::kInvalidOption, of + wrong);
}

CompiledKernel::~CompiledKernel() {
  dlclose(library_);
}

void CompiledKernel::check(const LaunchSpec& spec) const {
  check_state(spec.state.size(), type_, unit_->state_bytes);
}

std::shared_ptr<Resident> CompiledKernel::settle(const LaunchSpec& spec, u32) const {
  return std::make_shared<CompiledResident>(*this, *unit_, spec.state, spec.state);
}

void PortableKernel::check(const LaunchSpec& spec) const {
  check_state(spec.state.size(), type_, state_bytes_);
}

std::shared_ptr<Resident> PortableKernel::settle(const LaunchSpec&, u32) const {
  throw Error(ErrorKind::kInvalidOption,
              "kernel '" + type_.name + "' was made for a device; this backend takes compiled ones");
}

const PortableKernel& portable(const LaunchSpec& spec, const std::string& backend) {
  if (const auto* const found = dynamic_cast<const PortableKernel*>(spec.user.get())) return *found;
  throw Error(ErrorKind::kInvalidOption,
              "kernel '" + spec.kernel + "' is run by Python, which backend '" + backend +
                  "' cannot; use Runtime(backend=\"cpu\"), or compile it: @ringway.kernel without mode");
}

std::shared_ptr<Resident> CompiledKernel::resume(std::span<const u8> first_state,
                                                 std::span<const u8> state) const {
  check_state(first_state.size(), type_, unit_->state_bytes);
  check_state(state.size(), type_, unit_->state_bytes);
  return std::make_shared<CompiledResident>(*this, *unit_, first_state, state);
}

CompiledResident::CompiledResident(const UserKernel& kernel, std::span<const u8> state)
    : CompiledResident(kernel, kOnDevice, state, state) {}

CompiledResident::CompiledResident(const UserKernel& kernel, const KernelUnit& unit,
                                   std::span<const u8> first_state, std::span<const u8> state)
    : kernel_(kernel),
      unit_(unit),
      first_state_(first_state.begin(), first_state.end()),
      state_(std::make_unique<u64[]>((state.size() + 7) / 8)) {
  if (!state.empty()) std::memcpy(state_.get(), state.data(), state.size());
}

void CompiledResident::restart() {
  if (!first_state_.empty()) std::memcpy(state_.get(), first_state_.data(), first_state_.size());
}

void CompiledResident::describe(const DrainStatus& status, ErrorText& text) const {
  text_of_error(kernel_.type(), status.error, text);
}

std::vector<u8> CompiledResident::state() const {
  const auto* const first = reinterpret_cast<const u8*>(state_.get());
  return {first, first + first_state_.size()};
}

Handling& handling_here() {
  static thread_local Handling here;
  return here;
}

}  // namespace ringway
