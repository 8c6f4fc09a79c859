#include "core/kernel_group.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/patience.h"

namespace ringway {

void check(const GroupOptions& options) {
  constexpr std::int64_t kMostRestarts = 1'000'000;
  constexpr double kLongest = 86'400;
  if (options.restarts < 0 || options.restarts > kMostRestarts) {
    throw Error(ErrorKind::kInvalidOption,
                "restarts is " + std::to_string(options.restarts) + "; it must be 0 to 1000000");
  }
  if (!(options.within > 0 && options.within <= kLongest)) {
    throw Error(ErrorKind::kInvalidOption, "within is " + seconds_text(options.within) +
                                               "; it must be above 0 and at most 86400 seconds");
  }
}

KernelGroup::KernelGroup(GroupOptions options, std::string runtime, std::vector<Member> members)
    : options_(std::move(options)), runtime_(std::move(runtime)), members_(std::move(members)) {}

KernelGroup::Facts KernelGroup::facts() const {
  const std::lock_guard lock(deciding_);
  return facts_;
}

void KernelGroup::dissolve() {
  const std::lock_guard lock(deciding_);
  facts_.dissolved = true;
}

bool KernelGroup::broke(Port& member, const char* why) {
  const std::lock_guard lock(deciding_);
  if (facts_.dissolved || !facts_.failure.empty()) return false;
  std::size_t number = 0;
  while (number < members_.size() && members_[number].port.lock().get() != &member) ++number;
  if (number == members_.size()) return false;
  if (!may_restart()) {
    fail_all(members_[number].name, why);
    return false;
  }
  restart(number, why);
  return true;
}

bool KernelGroup::may_restart() {
  const std::int64_t now = now_ns();
  const auto since = now - static_cast<std::int64_t>(options_.within * 1e9);
  while (!restarted_at_.empty() && restarted_at_.front() <= since) restarted_at_.pop_front();
  if (std::int64_t(restarted_at_.size()) >= options_.restarts) return false;
  restarted_at_.push_back(now);
  return true;
}

void KernelGroup::restart(std::size_t broken, const char* why) {
  ++facts_.restarts;
  log::warning({"group restart", members_[broken].name, runtime_}, [&] {
    return "group '" + options_.name + "': kernel '" + members_[broken].name + "' broke: " + why +
           "; restart " + std::to_string(restarted_at_.size()) + " of " + std::to_string(options_.restarts) +
           " within " + seconds_text(options_.within);
  });
  const bool alone = options_.strategy == Strategy::kOneForOne;
  const bool all = options_.strategy == Strategy::kOneForAll;
  for (std::size_t i = all ? 0 : broken; i < (alone ? broken + 1 : members_.size()); ++i) {
    if (const auto port = members_[i].port.lock()) port->restart(u32(restarted_at_.size()));
  }
}

void KernelGroup::fail_all(const std::string& name, const char* why) {
  facts_.failure = "group '" + options_.name + "' failed: kernel '" + name + "' broke: " + why +
                   " (restarts = " + std::to_string(options_.restarts) + " within " +
                   seconds_text(options_.within) + ")";
  log::warning({"group failed", name, runtime_}, [&] { return facts_.failure; });
  for (const Member& member : members_) {
    const auto port = member.port.lock();
    if (!port) continue;
    fail(*port, facts_.failure.c_str());
    port->follow_failure();
  }
}

}  // namespace ringway
