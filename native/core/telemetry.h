// Snapshots of counters: copied word by word while their writers go on, and counted from the last reset by subtracting
// what they were then, so that the single writer of a counter is never disturbed.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/bridge.h"
#include "core/latency.h"
#include "core/lifecycle.h"
#include "core/queue.h"
#include "core/user_counts.h"
#include "ringway/control.h"

namespace ringway {

struct LatencyCounts {
  u64 sum = 0;  // ns
  u64 buckets[kHistogramBuckets] = {};

  u64 count() const;
  // The duration in ns that `share` (0 to 1) of the samples do not exceed, within 1/16; 0 without samples.
  double quantile(double share) const;
  LatencyCounts& operator+=(const LatencyCounts& other);
  LatencyCounts& operator-=(const LatencyCounts& before);
};

LatencyCounts snapshot(const Latency* latency);  // null: nothing is sampled
// Their sums.
LatencyCounts snapshot(const std::vector<const Latency*>& latencies);
ControlBlock snapshot(const std::vector<const ControlBlock*>& controls);

struct Telemetry {
  ControlBlock control;
  QueueCounts mailbox;  // depth, and what its policy dropped or refused
  u64 outbox_depth;     // messages to the host that nobody has received; of a bridge, on the host
  std::optional<BridgeCounts> bridge;  // of a pumped one
  u64 letters_lost;                    // dead letters given up for newer ones
  LatencyCounts latency;               // of mailbox messages, from send to release
  State state;
  double uptime;     // seconds since launch, to the end when terminated
  bool stuck;        // the handler has not returned for longer than the watchdog allows
  u64 replacements;  // times that another kernel took its place
  u64 ticks = 0, ticks_missed = 0;
  std::vector<std::pair<std::string, u64>> counters = {};  // what its handler counts

  Telemetry& operator-=(const Telemetry& before);
};

// Adds what these have counted, under those names.
void add_counts(Telemetry* to, const std::vector<std::string>& names,
                const std::vector<const UserCounts*>& counts);

// A link between two kernels.
struct LinkTelemetry {
  std::string source, target;
  u32 output;  // of the source, from 0
  u32 capacity;
  u64 depth;
  u64 received;  // messages that the target has taken
  LatencyCounts latency;

  LinkTelemetry& operator-=(const LinkTelemetry& before);
};

// Why messages were dropped, and how many: the names that every exporter shows.
struct DropReason {
  const char* name;
  u64 (*count)(const Telemetry& from);
};
const std::vector<DropReason>& drop_reasons();

// What was counted since the last reset.
template <class Counts>
class SinceReset {
 public:
  void reset(const Counts& now) {
    std::lock_guard lock(mutex_);
    before_ = std::make_unique<Counts>(now);
  }
  Counts since(Counts now) const {
    std::lock_guard lock(mutex_);
    if (before_) now -= *before_;
    return now;
  }

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<Counts> before_;  // null: never reset
};

}  // namespace ringway
