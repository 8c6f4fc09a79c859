#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

#include "core/shared_wait.h"

namespace ringway {

// Without FUTEX_PRIVATE_FLAG: the word is found by its memory, whatever the address in each process.
void park_shared(u32* word, u32 armed, std::int64_t limit_ns, u32*) {
  if (limit_ns <= 0) return;
  constexpr std::int64_t kSecond = 1'000'000'000;
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(limit_ns / kSecond);
  limit.tv_nsec = static_cast<long>(limit_ns % kSecond);
  syscall(SYS_futex, word, FUTEX_WAIT, armed, &limit, nullptr, 0);
}

void unpark_shared(u32* word) {
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace ringway
