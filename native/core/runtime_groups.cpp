// Groups of a runtime's kernels.
#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/runtime.h"

namespace ringway {

std::shared_ptr<KernelGroup> Runtime::group(GroupOptions options,
                                            const std::vector<std::shared_ptr<Kernel>>& members) {
  check_usable();
  check(options);
  if (!backend_->has_groups()) {
    throw Error(ErrorKind::kInvalidOption,
                "backend '" + backend_name_ + "' has no groups of kernels yet; use Runtime(backend=\"cpu\")");
  }
  if (members.empty()) throw Error(ErrorKind::kInvalidOption, "a group has at least one kernel");
  std::lock_guard lock(changing_);
  check_open();
  if (options.name.empty()) options.name = "group-" + std::to_string(groups_.size());
  std::set<const Kernel*> known;
  std::vector<KernelGroup::Member> ports;
  for (const auto& kernel : members) {
    const std::string named = "kernel '" + kernel->name() + "'";
    if (&kernel->runtime() != this)
      throw Error(ErrorKind::kInvalidOption, named + " must belong to this runtime");
    kernel->check_usable();
    if (!known.insert(kernel.get()).second) throw Error(ErrorKind::kInvalidOption, named + " is given twice");
    // SYNC: relaxed: only the holder of changing_ changes it.
    const KernelGroup* const other = atomic::load_relaxed(&kernel->port().group);
    if (other && !other->facts().dissolved && other->facts().failure.empty()) {
      throw Error(ErrorKind::kInvalidOption,
                  named + " is in group '" + other->options().name + "'; dissolve that one first");
    }
    ports.push_back({kernel->name(), kernel->port().weak_from_this()});
  }
  for (const auto& other : groups()) {
    if (other->options().name != options.name) continue;
    throw Error(ErrorKind::kInvalidOption,
                "there is a group named '" + options.name + "'; choose another name");
  }
  auto made = std::make_shared<KernelGroup>(std::move(options), name(), std::move(ports));
  {
    std::lock_guard list(listing_);
    groups_.push_back(made);
  }
  for (const auto& kernel : members) {
    // SYNC: partner load_acquire by who runs the kernel
    atomic::store_release(&kernel->port().group, made.get());
  }
  return made;
}

std::vector<std::shared_ptr<KernelGroup>> Runtime::groups() {
  std::lock_guard list(listing_);
  std::vector<std::shared_ptr<KernelGroup>> all;
  std::copy_if(groups_.begin(), groups_.end(), std::back_inserter(all), [&](const auto& group) {
    const auto lives = [&](const KernelGroup::Member& member) { return kernels_.count(member.name) != 0; };
    return !group->facts().dissolved && std::any_of(group->members().begin(), group->members().end(), lives);
  });
  return all;
}

}  // namespace ringway
