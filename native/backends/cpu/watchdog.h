// Names kernels whose handlers do not return. Costs the workers two stores a turn; one thread looks at them a few times
// per limit.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "backends/cpu/worker.h"

namespace ringway::cpu {

class Watchdog {
 public:
  // `tell(kernel, stuck)` hears of a kernel's endpoint when its handler has not returned for `limit` nanoseconds, and
  // again when it has.
  using Tell = std::function<void(u32 kernel, bool stuck)>;

  Watchdog(const std::vector<std::shared_ptr<Worker>>& workers, std::int64_t limit, Tell tell);
  ~Watchdog();
  void stop();
  // One more, until it is forgotten.
  void watch(std::shared_ptr<Worker> worker);
  void forget(const Worker& worker);

 private:
  struct Seen {
    std::shared_ptr<Worker> worker;
    u64 turn = 0;
    u32 kernel = 0;
    std::int64_t since = 0;
    bool stuck = false;
  };
  void thread_main();
  void look(Seen* seen) const;

  const std::int64_t limit_;
  const Tell tell_;
  std::mutex changing_;     // of the list, also while the thread looks
  std::vector<Seen> seen_;  // made before the thread, which could not say that there is no memory
  u32 stop_ = 0;
  std::thread thread_;
};

}  // namespace ringway::cpu
