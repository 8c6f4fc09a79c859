// Kernels that a program brings: compiled for this machine into a shared object that exports what
// include/ringway/kernel.h declares, or, in the bindings, run by Python.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/failure_policy.h"
#include "ringway/kernel.h"

namespace ringway {

// What one replica of such a kernel is: its state, begun already, and its handler. Whoever runs the kernel calls it.
class Resident {
 public:
  virtual ~Resident() = default;
  // As Handler::drain of handler.h, but that it may stop earlier, drained.
  virtual u32 drain(KernelContext* ctx, u8* first, u32 stride, u32 n, DrainStatus* status) = 0;
  // A tick of that timer, as KernelUnit::tick but for the status.
  virtual void tick(KernelContext* ctx, u32 timer, DrainStatus* status) = 0;
  // Of the last status that speaks of a failure.
  virtual void describe(const DrainStatus& status, ErrorText& text) const = 0;
  // The state is again what it was at launch. Throws what the program's own code throws.
  virtual void restart() = 0;
  // On the thread of its own that UserKernel::may_wait() asks for: before another's leave(), which it has replaced; and as
  // the last call there.
  virtual void arrive() {}
  virtual void leave() {}
};

class UserKernel {
 public:
  // `program` is what the program knows of it, kept for it.
  explicit UserKernel(KernelType type, std::shared_ptr<void> program = nullptr)
      : type_(std::move(type)), program_(std::move(program)) {}
  virtual ~UserKernel() = default;
  UserKernel(const UserKernel&) = delete;
  UserKernel& operator=(const UserKernel&) = delete;

  const KernelType& type() const { return type_; }
  const std::shared_ptr<void>& program() const { return program_; }
  // Whether its handler may take long, or wait for other kernels: then each replica has a thread of its own.
  virtual bool may_wait() const = 0;
  // Whether no other threads ever run it; otherwise, whether this one, which waits for an answer, may.
  virtual bool keeps_to_its_thread() const { return false; }
  virtual bool may_run_here() const { return true; }
  // Throws kInvalidOption when it cannot be launched so; takes no lock of the interpreter's, as settle().
  virtual void check(const LaunchSpec& spec) const = 0;
  virtual std::shared_ptr<Resident> settle(const LaunchSpec& spec, u32 replica) const = 0;

 protected:
  const KernelType type_;

 private:
  const std::shared_ptr<void> program_;
};

class CompiledKernel : public UserKernel {
 public:
  // Throws kNotFound when the file cannot be loaded, kInvalidOption when it is of another version or its sizes differ from
  // what is said here.
  CompiledKernel(const std::string& path, KernelType type, u32 state_bytes,
                 std::shared_ptr<void> program = nullptr);
  ~CompiledKernel() override;

  bool may_wait() const override { return false; }
  void check(const LaunchSpec& spec) const override;
  std::shared_ptr<Resident> settle(const LaunchSpec& spec, u32 replica) const override;
  // As settle(), but that its state is another one than a restart begins with.
  std::shared_ptr<Resident> resume(std::span<const u8> first_state, std::span<const u8> state) const;

 private:
  void* library_ = nullptr;
  const KernelUnit* unit_ = nullptr;
};

// As the text that a device's backend joins with its loop and compiles, at launch.
class PortableKernel : public UserKernel {
 public:
  PortableKernel(std::string text, KernelType type, u32 state_bytes, std::shared_ptr<void> program = nullptr)
      : UserKernel(std::move(type), std::move(program)), text_(std::move(text)), state_bytes_(state_bytes) {}

  const std::string& text() const { return text_; }
  u32 state_bytes() const { return state_bytes_; }
  bool may_wait() const override { return false; }
  void check(const LaunchSpec& spec) const override;
  // Throws kInvalidOption: its replicas are the device's.
  std::shared_ptr<Resident> settle(const LaunchSpec& spec, u32 replica) const override;

 private:
  const std::string text_;
  const u32 state_bytes_;
};

// The kernel of a spec as a device runs it. Throws kInvalidOption when its handler is run by Python.
const PortableKernel& portable(const LaunchSpec& spec, const std::string& backend);

class CompiledResident : public Resident {
 public:
  CompiledResident(const UserKernel& kernel, const KernelUnit& unit, std::span<const u8> first_state,
                   std::span<const u8> state);
  // A copy of one that lies on a device: it has a state, and no handler.
  CompiledResident(const UserKernel& kernel, std::span<const u8> state);
  u32 drain(KernelContext* ctx, u8* first, u32 stride, u32 n, DrainStatus* status) override {
    return unit_.drain(ctx, first, stride, n, state_.get(), status);
  }
  void tick(KernelContext* ctx, u32 timer, DrainStatus* status) override {
    status->error = unit_.tick(ctx, timer, state_.get());
    status->code = status->error ? kBroken : kDrained;
  }
  void describe(const DrainStatus& status, ErrorText& text) const override;
  void restart() override;
  std::vector<u8> state() const;
  const std::vector<u8>& first_state() const { return first_state_; }
  const UserKernel& kernel() const { return kernel_; }

 private:
  const UserKernel& kernel_;
  const KernelUnit& unit_;
  const std::vector<u8> first_state_;
  const std::unique_ptr<u64[]> state_;
};

// What this thread does: it runs a handler that a program brings, of `port`'s kernel, at `place` of the backend.
struct Handling {
  const Port* port = nullptr;
  const void* place = nullptr;
};
Handling& handling_here();

}  // namespace ringway
