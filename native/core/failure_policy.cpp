#include "core/failure_policy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/log.h"
#include "ringway/handler.h"

namespace ringway {

void text_of_error(const KernelType& type, u32 number, ErrorText& text) {
  if (number == kSentTooMuch) {
    std::snprintf(text, sizeof(text),
                  "on one message it sent more than its outputs, and the memory beside its state, have "
                  "room for; launch it and link it with a larger capacity, or send less at once");
    return;
  }
  number < type.errors.size() ? std::snprintf(text, sizeof(text), "%s", type.errors[number].c_str())
                              : std::snprintf(text, sizeof(text), "error number %u", number);
}

bool may_restart(const LaunchOptions& options, u64 restarts_in_row, ErrorText& added) {
  added[0] = 0;
  if (options.on_error != OnError::kRestart) return false;
  const u64 limit = u64(options.restart_limit);
  if (restarts_in_row < limit) return true;
  std::snprintf(added, sizeof(added), " (restart_limit = %llu restarts without a handled message in between)",
                static_cast<unsigned long long>(limit));
  return false;
}

double restart_pause(const LaunchOptions& options, u64 restarts_before, const std::string& kernel,
                     const std::string& runtime) {
  const double longest = std::max(options.restart_backoff, LaunchOptions::kLongestBackoff);
  const int doublings = int(std::min<u64>(restarts_before, 64));
  const double pause = std::min(std::ldexp(options.restart_backoff, doublings), longest);
  log::warning({"restart", kernel, runtime}, [&] {
    return "kernel '" + kernel + "' restarts in " + std::to_string(pause) + " s with a new state";
  });
  return pause;
}

}  // namespace ringway
