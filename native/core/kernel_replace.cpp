// How another kernel takes a kernel's place.
#include <set>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/runtime.h"
#include "core/user_kernel.h"

namespace ringway {
namespace {

std::string quoted(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all.append(all.empty() ? "'" : ", '").append(name).append("'");
  return all.empty() ? "none" : all;
}

std::string messages_of(const KernelType& type) {
  return type.accepts.empty() ? "any message" : quoted(type.accepts);
}

std::string timers_of(const KernelType& type) {
  if (type.periods.empty()) return "no timers";
  std::string all = "timers every";
  for (const std::int64_t period : type.periods) all.append(" ").append(std::to_string(period)).append(" ns");
  return all;
}

// What is called meanwhile must not wait for the kernel.
class HandlingOf {
 public:
  explicit HandlingOf(const Port& port) : before_(std::exchange(handling_here(), {&port, nullptr})) {}
  ~HandlingOf() { handling_here() = before_; }
  HandlingOf(const HandlingOf&) = delete;
  HandlingOf& operator=(const HandlingOf&) = delete;

 private:
  const Handling before_;
};

}  // namespace

void Kernel::check_replacement(const KernelType& with) const {
  const auto now = type();
  const std::string both = "kernel '" + name_ + "' (" + now->name + ") cannot be replaced by " + with.name;
  const auto sorted = [](const KernelType& of) {
    return std::set<std::string>(of.accepts.begin(), of.accepts.end());
  };
  if (sorted(*now) != sorted(with)) {
    throw Error(ErrorKind::kTypeMismatch, both + ": it takes " + messages_of(*now) + ", the other " +
                                              messages_of(with) +
                                              "; a replacement takes the same, launch the other beside it");
  }
  // Counters count on, and each timer has its place in the replicas.
  if (now->counters != with.counters) {
    throw Error(ErrorKind::kInvalidOption, both + ": it counts " + quoted(now->counters) + ", the other " +
                                               quoted(with.counters) +
                                               "; a replacement counts the same, in one order by counters=");
  }
  if (now->periods != with.periods) {
    throw Error(ErrorKind::kInvalidOption,
                both + ": it has " + timers_of(*now) + ", the other " + timers_of(with) +
                    "; a replacement has timers of the same periods, in one order");
  }
  for (const auto& link : runtime_->links()) {
    if (link.source != name_ || now->outputs.empty()) continue;
    const u32 output = link.spec.output;
    if (output < with.outputs.size() && with.outputs[output] == now->outputs[output]) continue;
    throw Error(ErrorKind::kInvalidOption,
                both + ": its link '" + now->outputs[output] + "' to '" + link.target + "' is number " +
                    std::to_string(output + 1) + ", and the other's links are " + quoted(with.outputs) +
                    "; name them in one order by outputs=(" + quoted(now->outputs) + ")");
  }
}

void Kernel::replace(const KernelType& with, const Make& make, void (*check)()) {
  runtime_->check_usable();
  check_elsewhere("replace");
  if (!is_user_) {
    throw Error(ErrorKind::kInvalidOption, "kernel '" + name_ + "' is one of the backend's, " +
                                               builtin_.name +
                                               "; those made by ringway.kernel can be replaced");
  }
  if (!runtime_->backend().replaces_kernels()) {
    throw Error(ErrorKind::kInvalidOption,
                "backend '" + runtime_->backend_name() + "' does not replace running kernels yet, such as '" +
                    name_ + "'; terminate it and launch the other, or use Runtime(backend=\"cpu\")");
  }
  (void)after(state(), Event::kReplace, name_);
  // They go last, without a lock: with them go objects of the program.
  Replacement other;
  std::shared_ptr<const UserKernel> before;
  const auto held = runtime_->hold(changing_, check);
  (void)after(state(), Event::kReplace, name_);
  check_replacement(with);
  Backend& backend = runtime_->backend();

  struct Pause {
    Kernel& kernel;
    ~Pause() {
      // Not one whose handler has deactivated it.
      if (kernel.entered() == State::kActive) kernel.runtime_->backend().activate(*kernel.port_);
    }
  } const pause{*this};
  backend.deactivate(*port_);
  const Wait until = runtime_->patient(check);
  backend.quiesce(port_.get(), until);
  const bool revives = has_failed();
  if (revives && port_->bridge) {
    throw Error(ErrorKind::kInvalidState, "kernel '" + name_ +
                                              "' has failed, and its pumped bridge with it: " + failure() +
                                              "; terminate it and launch the other");
  }
  std::vector<Resident*> residents;
  for (u32 i = 0; i < u32(grid_); ++i) {
    backend.look_at(*port_, i, [&](Resident& resident) { residents.push_back(&resident); }, until);
  }
  {
    const HandlingOf here(*port_);
    other = make(residents);
  }
  before = other.kernel;
  backend.replace(*port_, &other, until);
  {
    const std::lock_guard lock(naming_);
    user_.swap(before);
  }
  const u64 count = atomic::add_relaxed(&port_->replacements, u64(1)) + 1;
  log::info({"replaced", name_, runtime_->name()}, [&] {
    return "kernel '" + name_ + "': " + before->type().name + " replaced by " + with.name + ", number " +
           std::to_string(count) + (revives ? ", after its failure" : "");
  });
  Recorder& recorder = runtime_->recorder();
  if (recorder.on()) {
    recorder.put(RecordKind::kReplaced, port_->index, count, 0, {{with.name.data(), with.name.size()}});
    if (revives) record_state(state());
  }
}

}  // namespace ringway
