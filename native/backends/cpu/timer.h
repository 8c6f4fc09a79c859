#pragma once
#include <cstdint>
#include <limits>

#include "ringway/config.h"

namespace ringway::cpu {

// Ticks are due at whole periods from the start: a late one does not shift the next, and those that were due meanwhile
// do not follow in a burst. Times are ns of any clock that only counts up.
struct Timer {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::int64_t period = 0;
  std::int64_t due = kNever;

  void start(std::int64_t now) { due = now + period; }
  // When the tick after the one that is due is, if that is taken now.
  std::int64_t next(std::int64_t now) const { return due + ((now - due) / period + 1) * period; }
  // Takes the tick that is due; returns how many before it are left out.
  u64 take(std::int64_t now) {
    const auto late = u64((now - due) / period);
    due = next(now);
    return late;
  }
};

}  // namespace ringway::cpu
