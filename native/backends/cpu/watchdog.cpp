#include "backends/cpu/watchdog.h"

#include <algorithm>

#include "core/wait.h"

namespace ringway::cpu {

Watchdog::Watchdog(std::vector<std::shared_ptr<Worker>> workers, std::int64_t limit, Tell tell)
    : workers_(std::move(workers)),
      limit_(limit),
      tell_(std::move(tell)),
      seen_(workers_.size()),
      thread_([this] { thread_main(); }) {}

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

void Watchdog::thread_main() {
  constexpr std::int64_t kShortest = 1'000'000, kLongest = 1'000'000'000;
  const std::int64_t pause = std::clamp(limit_ / 4, kShortest, kLongest);
  while (!atomic::load_seq_cst(&stop_)) {  // SYNC: partner stop()
    park(&stop_, 0, pause);
    for (std::size_t i = 0; i < workers_.size(); ++i) look(*workers_[i], &seen_[i]);
  }
}

void Watchdog::look(const Worker& worker, Seen* seen) const {
  const Worker::Beat beat = worker.beat();
  if (beat.turn != seen->turn) {
    if (seen->stuck) tell_(seen->kernel, false);
    *seen = {beat.turn, beat.kernel, now_ns(), false};
  } else if (beat.in_handler() && !seen->stuck && now_ns() - seen->since >= limit_) {
    seen->stuck = true;
    seen->kernel = beat.kernel;
    tell_(beat.kernel, true);
  }
}

}  // namespace ringway::cpu
