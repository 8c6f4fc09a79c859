#include "core/wait.h"

#include <algorithm>
#include <chrono>

namespace ringway {

std::int64_t now_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

namespace {

std::uint64_t unix_us_of(std::int64_t steady_ns) {
  using namespace std::chrono;
  constexpr std::int64_t kMicrosecond = 1000;  // ns
  static const std::int64_t epoch =
      now_ns() / kMicrosecond - duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  return static_cast<std::uint64_t>(steady_ns / kMicrosecond - epoch);
}

}  // namespace

std::uint64_t unix_us() {
  return unix_us_of(now_ns());
}

std::uint64_t coarse_unix_us() {
  return unix_us_of(coarse_now_ns());
}

Wait Wait::seconds(double timeout, void (*check)()) {
  constexpr double kLongest = 1e9;  // 30 years, which a 64-bit count of nanoseconds holds
  if (timeout < 0 || timeout > kLongest) return {kForever, check};
  return {now_ns() + static_cast<std::int64_t>(timeout * 1e9), check};
}

std::int64_t Wait::slice(std::int64_t longest) const {
  if (deadline == kForever) return longest;
  return std::clamp<std::int64_t>(deadline - now_ns(), 0, longest);
}

void Signal::notify() {
  // SYNC: partner the waiter's add_seq_cst and load_seq_cst in wait(): see there.
  atomic::add_seq_cst(&epoch_, 1U);
  if (atomic::load_seq_cst(&waiters_))
    unpark_all(&epoch_);  // SYNC: partner add_seq_cst of waiters_ in wait()
}

}  // namespace ringway
