// Kernels that restart and fail together: what becomes of the others once one has broken beyond its own policy.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/port.h"

namespace ringway {

// Which begin anew: the one that broke, all, or that one and those behind it in the group's order.
enum class Strategy { kOneForOne, kOneForAll, kRestForOne };

struct GroupOptions {
  std::string name;  // empty: one is made
  Strategy strategy = Strategy::kOneForAll;
  std::int64_t restarts = 3;  // within that many seconds; one more, and all fail
  double within = 5;
};

// Throws kInvalidOption, naming the value and its range.
void check(const GroupOptions& options);

class KernelGroup {
 public:
  struct Member {
    std::string name;
    std::weak_ptr<Port> port;
  };
  KernelGroup(GroupOptions options, std::string runtime, std::vector<Member> members);

  const GroupOptions& options() const { return options_; }
  const std::vector<Member>& members() const { return members_; }
  // By who runs a member that would fail for the reason given: whether it begins anew instead, with those that the strategy
  // says. Else the others have failed for that reason, and it is to.
  bool broke(Port& member, const char* why);
  // Of what has broken since, each is alone.
  void dissolve();

  struct Facts {
    u64 restarts = 0;
    std::string failure;  // empty: it has not failed
    bool dissolved = false;
  };
  Facts facts() const;

 private:
  bool may_restart();
  void restart(std::size_t broken, const char* why);
  void fail_all(const std::string& name, const char* why);

  const GroupOptions options_;
  const std::string runtime_;  // for the log
  const std::vector<Member> members_;
  mutable std::mutex deciding_;  // of all below; held under a worker's lock
  std::deque<std::int64_t> restarted_at_;
  Facts facts_;
};

}  // namespace ringway
