// Waiting for another process: on a word in shared memory, which any of its processes may write at any time. So a wait
// never relies on being woken, and ends at its limit.
#pragma once
#include <cstdint>

#include "ringway/config.h"

namespace ringway {

// The word: bit 0 says that somebody sleeps or is about to, the rest counts announcements. Who sleeps does not count
// itself, so that one that is killed asleep leaves nothing behind.

// After something was published.
void announce_shared(u32* word);
// What to sleep on. Look at what is waited for after this, then park.
u32 arm_shared(u32* word);

// Sleeps while *word == armed, for at most `limit_ns`; may wake early for no reason. `naps` is 0 before the first of
// several sleeps in one wait; where the system has no such call, sleeps grow with it.
void park_shared(u32* word, u32 armed, std::int64_t limit_ns, u32* naps);
void unpark_shared(u32* word);

}  // namespace ringway
