// Sleeps of 20 us to 1.28 ms, twice as long each time.
#include <algorithm>
#include <chrono>
#include <thread>

#include "core/shared_wait.h"
#include "ringway/atomics_runtime.h"

namespace ringway {

void park_shared(u32* word, u32 armed, std::int64_t limit_ns, u32* naps) {
  constexpr std::int64_t kShortest = 20'000;
  constexpr u32 kDoublings = 6;
  // SYNC: partner announce_shared(): the word has changed with what was published.
  if (atomic::load_seq_cst(word) != armed) return;
  const std::int64_t nap = kShortest << std::min((*naps)++, kDoublings);
  std::this_thread::sleep_for(std::chrono::nanoseconds(std::clamp<std::int64_t>(limit_ns, 0, nap)));
}

void unpark_shared(u32*) {}

}  // namespace ringway
