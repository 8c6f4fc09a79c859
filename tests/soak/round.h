// One life of six kernels under load:
//
//   links     source -> relay -> relay -> check, from kernel to kernel: most of the messages
//   host      a thread sends, `faulty` answers and is told to break now and then, another thread receives
//   requests  a thread asks an echo and compares the answers
//   faults    deactivate and activate anywhere; at the end terminate, drained
#pragma once
#include <functional>

#include "check.h"
#include "core/runtime.h"

namespace ringway::soak {

void add_round_kernels();

struct RoundCounts {
  u64 links = 0, host = 0, requests = 0;
};

// `beside` runs on a thread of its own meanwhile.
RoundCounts run_round(const Plan& plan, Runtime& runtime, Random& random,
                      const std::function<void()>& beside);

}  // namespace ringway::soak
