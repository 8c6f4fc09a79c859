#pragma once
#include <memory>

#include "ringway/config.h"

namespace ringway {

// What a replica of a kernel that a program brings counts beside its messages. One writer: who runs it.
struct UserCounts {
  u64 ticks = 0;                 // of its timers
  u64 missed = 0;                // ticks left out
  std::unique_ptr<u64[]> named;  // by KernelType::counters
};

}  // namespace ringway
