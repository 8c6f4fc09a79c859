#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

#include "core/wait.h"

namespace ringway {

std::int64_t coarse_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void park(const u32* word, u32 expected, std::int64_t timeout_ns) {
  if (timeout_ns <= 0) return;
  constexpr std::int64_t kSecond = 1'000'000'000;
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(timeout_ns / kSecond);
  limit.tv_nsec = static_cast<long>(timeout_ns % kSecond);
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &limit, nullptr, 0);
}

void unpark_one(const u32* word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}
void unpark_all(const u32* word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace ringway
