#include "core/options.h"

#include <cmath>
#include <sstream>

#include "core/error.h"

namespace ringway {
namespace {

constexpr std::int64_t kLeastCapacity = 16;
constexpr std::int64_t kMostCapacity = 1 << 20;
constexpr std::int64_t kLeastDedup = 16;
constexpr std::int64_t kMostDedup = 1024;
constexpr std::int64_t kMostBody = (16 << 20) - 1 - 64;
constexpr double kLongest = 86'400;
constexpr std::int64_t kMostRestarts = 1'000'000;
constexpr std::int64_t kMostPolls = 1'000'000;
const std::string kSlotSizes = "'auto' or 1 to " + std::to_string(kMostBody) + " bytes";

constexpr const char* kOptions = "LaunchOptions.";

template <class Value>
[[noreturn]] void refuse(const char* field, const Value& value, const std::string& range,
                         const char* owner = kOptions) {
  std::ostringstream text;
  text << owner << field << " is " << value << "; it must be " << range;
  throw Error(ErrorKind::kInvalidOption, text.str());
}

void check_capacity(const char* field, std::int64_t capacity, const char* owner = kOptions) {
  if (capacity >= kLeastCapacity && capacity <= kMostCapacity && !(capacity & (capacity - 1))) return;
  refuse(field, capacity, "a power of two, 16 to 1048576", owner);
}

void check_seconds(const char* field, double value, double least) {
  if (std::isfinite(value) && value >= least && value <= kLongest) return;
  std::ostringstream range;
  range << "a number of seconds, " << least << " to " << kLongest;
  refuse(field, value, range.str());
}

template <class Value, std::size_t N>
Value named(const char* field, const std::string& name, const char* const (&names)[N]) {
  std::string all;
  for (std::size_t i = 0; i < N; ++i) {
    if (name == names[i]) return static_cast<Value>(i);
    all += (i ? ", " : "one of ") + std::string(names[i]);
  }
  refuse(field, "'" + name + "'", all);
}

}  // namespace

void check(const LaunchOptions& options, u32 workers) {
  check_capacity("capacity", options.capacity);
  check_capacity("staging_capacity", options.staging_capacity);
  const std::int64_t slot = options.slot_size;
  if (slot != LaunchOptions::kAutoSlot && (slot < 1 || slot > kMostBody)) {
    refuse("slot_size", slot, kSlotSizes);
  }
  if (options.batch < 1 || options.batch > kMostCapacity) refuse("batch", options.batch, "1 to 1048576");
  const std::int64_t sample = options.latency_sample;
  if (sample < 0 || sample > kMostCapacity || (sample & (sample - 1))) {
    refuse("latency_sample", sample, "0 (none) or a power of two up to 1048576");
  }
  check_seconds("block_timeout", options.block_timeout, 0);
  check_seconds("message_timeout", options.message_timeout, 0);
  check_seconds("poll_interval", options.poll_interval, 1e-6);
  check_seconds("restart_backoff", options.restart_backoff, 0);
  if (options.restart_limit < 0 || options.restart_limit > kMostRestarts) {
    refuse("restart_limit", options.restart_limit, "0 to 1000000");
  }
  if (options.dedup && (options.dedup < kLeastDedup || options.dedup > kMostDedup)) {
    refuse("dedup", options.dedup, "0 (off) or 16 to 1024");
  }
  if (options.dead_letters < 0 || options.dead_letters > kMostCapacity) {
    refuse("dead_letters", options.dead_letters, "0 to 1048576");
  }
  if (options.device_polls < 0 || options.device_polls > kMostPolls) {
    refuse("device_polls", options.device_polls, "0 (none) to 1000000");
  }
  if (options.ttl) ttl_10ms(*options.ttl);
  if (options.worker == LaunchOptions::kAnyWorker) return;
  if (options.worker < 0) refuse("worker", options.worker, "None or 0 and above");
  if (workers && options.worker >= workers) {
    refuse("worker", options.worker,
           "None or below the runtime's number of workers, " + std::to_string(workers) +
               " (Runtime(workers=...) sets it)");
  }
}

void check_link(std::int64_t capacity, std::int64_t slot_size) {
  constexpr const char* kOwner = "link: ";
  check_capacity("capacity", capacity, kOwner);
  if (slot_size >= 0 && slot_size <= kMostBody) return;
  refuse("slot_size", slot_size, "0, or 1 to " + std::to_string(kMostBody) + " bytes", kOwner);
}

u16 ttl_10ms(double seconds) {
  const double units = std::ceil(seconds * 100);
  if (std::isfinite(seconds) && seconds > 0 && units <= 0xffff) return u16(units);
  std::ostringstream text;
  text << "ttl is " << seconds << "; it must be None or a number of seconds, above 0 to 655.35";
  throw Error(ErrorKind::kInvalidOption, text.str());
}

Backpressure policy_named(const std::string& name) {
  return named<Backpressure>("policy", name, {"block", "reject", "drop_new", "drop_oldest"});
}

std::int64_t slot_size_named(const std::string& name) {
  if (name != "auto") refuse("slot_size", "'" + name + "'", kSlotSizes);
  return LaunchOptions::kAutoSlot;
}

Idle idle_named(const std::string& name) {
  return named<Idle>("idle", name, {"park", "spin", "poll"});
}

BridgeKind bridge_named(const std::string& name) {
  return named<BridgeKind>("bridge", name, {"auto", "direct", "pumped"});
}

OnError on_error_named(const std::string& name) {
  return named<OnError>("on_error", name, {"fail", "restart", "skip"});
}

}  // namespace ringway
