// What a launch may ask for. Checked here and nowhere else; python/ringway/options.py holds the same fields.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "core/queue.h"

namespace ringway {

enum class Idle { kPark, kSpin, kPoll };
enum class BridgeKind { kAuto, kDirect, kPumped };
enum class OnError { kFail, kRestart, kSkip };

struct LaunchOptions {
  static constexpr std::int64_t kAutoSlot = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kAnyWorker = kAutoSlot;
  static constexpr double kLongestBackoff = 30;  // seconds, unless restart_backoff is longer

  std::int64_t capacity = 4096;        // slots of the mailbox and of the queue to the host; a power of two
  std::int64_t slot_size = kAutoSlot;  // bytes of the largest message body
  Backpressure policy = Backpressure::kBlock;  // what a full mailbox does to a sender
  double block_timeout = 5;                    // seconds that a sender waits for room under kBlock
  double message_timeout = 30;       // seconds that a request waits for its answer when it names no time-out
  Idle idle = Idle::kPark;           // what the worker does without messages
  double poll_interval = 100e-6;     // seconds between two looks under kPoll
  std::int64_t batch = 256;          // messages handled before the worker turns to its next kernel
  std::int64_t worker = kAnyWorker;  // the worker slot to live on
  BridgeKind bridge = BridgeKind::kAuto;  // how messages reach the kernel's queues; see core/bridge.h
  std::int64_t staging_capacity = 4096;   // slots of each staging ring of a pumped bridge; a power of two
  OnError on_error = OnError::kFail;      // what a handler that breaks on a message does to its kernel
  std::int64_t restart_limit = 5;         // restarts under kRestart without a message handled in between
  double restart_backoff = 0.1;           // seconds before the first of them; doubles up to kLongestBackoff
  bool telemetry = true;                  // counters count, latency is sampled
  std::int64_t latency_sample =
      64;                  // one mailbox message in so many is timed, and a sixteenth as many of a link
  bool prefault = false;   // have the pages of the queues at launch
  bool lanes = false;      // four lanes by priority in the mailbox, each of `capacity` slots
  std::int64_t dedup = 0;  // message ids that are remembered; 0: none
  std::optional<double> ttl =
      std::nullopt;                 // seconds that a message may wait when it names none; absent: any time
  std::int64_t dead_letters = 256;  // letters that are kept
  std::int64_t device_polls = 0;    // most looks of a GPU's kernel for messages while a command buffer runs
};

// Throws kInvalidOption, naming field, value and range. `workers` is the number of worker slots, 0 when
// unknown.
void check(const LaunchOptions& options, u32 workers);

// As check(), of what a link asks for; `slot_size` 0 = kUndeclaredMessage.
void check_link(std::int64_t capacity, std::int64_t slot_size);

// A time to live as envelopes hold it, rounded up. Throws kInvalidOption for what they cannot hold.
u16 ttl_10ms(double seconds);

// Throw kInvalidOption for a name that there is not; the only one of a slot size is "auto".
Backpressure policy_named(const std::string& name);
Idle idle_named(const std::string& name);
BridgeKind bridge_named(const std::string& name);
OnError on_error_named(const std::string& name);
std::int64_t slot_size_named(const std::string& name);

}  // namespace ringway
