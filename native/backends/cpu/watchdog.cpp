#include "backends/cpu/watchdog.h"

#include <algorithm>

#include "core/wait.h"

namespace ringway::cpu {

Watchdog::Watchdog(const std::vector<std::shared_ptr<Worker>>& workers, std::int64_t limit, Tell tell)
    : limit_(limit), tell_(std::move(tell)) {
  for (const auto& worker : workers) seen_.push_back({worker});
  thread_ = std::thread([this] { thread_main(); });
}

Watchdog::~Watchdog() {
  stop();
}

void Watchdog::stop() {
  if (!thread_.joinable()) return;
  // SYNC: partner load_seq_cst in thread_main(); only the flag matters.
  atomic::exchange_seq_cst(&stop_, 1U);
  unpark_one(&stop_);
  thread_.join();
}

void Watchdog::watch(std::shared_ptr<Worker> worker) {
  const std::lock_guard lock(changing_);
  seen_.push_back({std::move(worker)});
}

void Watchdog::forget(const Worker& worker) {
  const std::lock_guard lock(changing_);
  std::erase_if(seen_, [&](const Seen& seen) { return seen.worker.get() == &worker; });
}

void Watchdog::thread_main() {
  constexpr std::int64_t kShortest = 1'000'000, kLongest = 1'000'000'000;
  const std::int64_t pause = std::clamp(limit_ / 4, kShortest, kLongest);
  while (!atomic::load_seq_cst(&stop_)) {  // SYNC: partner stop()
    park(&stop_, 0, pause);
    const std::lock_guard lock(changing_);
    for (Seen& seen : seen_) look(&seen);
  }
}

void Watchdog::look(Seen* seen) const {
  const Worker::Beat beat = seen->worker->beat();
  if (beat.turn != seen->turn) {
    if (seen->stuck) tell_(seen->kernel, false);
    *seen = {std::move(seen->worker), beat.turn, beat.kernel, now_ns(), false};
  } else if (beat.in_handler() && !seen->stuck && now_ns() - seen->since >= limit_) {
    seen->stuck = true;
    seen->kernel = beat.kernel;
    tell_(beat.kernel, true);
  }
}

}  // namespace ringway::cpu
