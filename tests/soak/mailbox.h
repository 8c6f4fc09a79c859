// An echo with options of a part's choice, and how its parts send to it and receive from it.
#pragma once
#include <memory>

#include "core/runtime.h"
#include "streams.h"

namespace ringway::soak {

inline LaunchOptions any_options(Random& random) {
  LaunchOptions options;
  options.capacity = 16LL << random() % 7;
  options.staging_capacity = 16LL << random() % 7;
  options.slot_size = kMostBody;
  options.block_timeout = kPatience;
  options.batch = 1 + std::int64_t(random() % 256);
  options.bridge = random() % 2 ? BridgeKind::kPumped : BridgeKind::kDirect;
  return options;
}

inline void receive(const Plan& plan, Kernel& kernel, Streams& streams, Order order) {
  Message message;
  if (!kernel.receive(&message, patience())) {
    wrong(plan, "kernel '" + kernel.name() + "' (" + kernel.type()->name + ") has lost a message, after " +
                    std::to_string(streams.count()));
  }
  streams.see(message.body.data(), message.body.size(), order);
}

// Deactivates it and activates it again now and then.
inline void disturb(Kernel& kernel, Random& random) {
  if (random() % 256) return;
  kernel.deactivate();
  kernel.activate();
}

// Ends it and sees that nothing is left.
inline void end(const Plan& plan, Kernel& kernel) {
  if (kernel.terminate(true, patience()).left_over) wrong(plan, "an echo ended with messages left");
  Message more;
  bool extra = false;
  try {
    extra = kernel.try_receive(&more);
  } catch (const Error&) {  // nothing more can come
  }
  if (extra) wrong(plan, "the host got a message too many");
}

inline void check_count(const Plan& plan, const char* what, u64 counted, u64 expected) {
  if (counted == expected) return;
  wrong(plan,
        std::string(what) + ": counted " + std::to_string(counted) + ", not " + std::to_string(expected));
}

}  // namespace ringway::soak
