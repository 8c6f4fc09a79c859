#include "core/telemetry.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

namespace ringway {
namespace {

constexpr std::size_t kControlWords = sizeof(ControlBlock) / sizeof(u64);

// Every counter becomes combined(its place, its value): a new field of the block needs no line here.
template <class Combined>
void combine(ControlBlock* block, Combined combined) {
  u64 words[kControlWords];
  std::memcpy(words, block, sizeof(words));
  for (std::size_t word = 0; word < kControlWords; ++word) words[word] = combined(word, words[word]);
  std::memcpy(block, words, sizeof(words));
}

void subtract(QueueCounts* from, const QueueCounts& before) {
  from->dropped_oldest -= before.dropped_oldest;
  from->dropped_new -= before.dropped_new;
  from->refused_full -= before.refused_full;
  from->refused_size -= before.refused_size;
}

void subtract(BridgeCounts* from, const BridgeCounts& before) {
  from->to_device -= before.to_device;
  from->to_host -= before.to_host;
  from->in_full -= before.in_full;
  from->out_full -= before.out_full;
}

}  // namespace

u64 LatencyCounts::count() const {
  u64 all = 0;
  for (const u64 bucket : buckets) all += bucket;
  return all;
}

double LatencyCounts::quantile(double share) const {
  const u64 all = count();
  if (!all) return 0;
  const u64 rank = std::max<u64>(1, u64(std::ceil(share * double(all))));
  u64 seen = 0;
  u32 bucket = 0;
  while (bucket < kHistogramBuckets - 1 && (seen += buckets[bucket]) < rank) ++bucket;
  return double(bucket_floor(bucket) + bucket_floor(bucket + 1)) / 2;
}

LatencyCounts& LatencyCounts::operator+=(const LatencyCounts& other) {
  sum += other.sum;
  for (u32 i = 0; i < kHistogramBuckets; ++i) buckets[i] += other.buckets[i];
  return *this;
}

LatencyCounts& LatencyCounts::operator-=(const LatencyCounts& before) {
  sum -= before.sum;
  for (u32 i = 0; i < kHistogramBuckets; ++i) buckets[i] -= before.buckets[i];
  return *this;
}

LatencyCounts snapshot(const Latency* latency) {
  LatencyCounts counts;
  if (!latency) return counts;
  const LatencyHistogram& from = latency->histogram();
  counts.sum = atomic::load_relaxed(&from.sum);
  for (u32 i = 0; i < kHistogramBuckets; ++i) counts.buckets[i] = atomic::load_relaxed(&from.buckets[i]);
  return counts;
}

LatencyCounts snapshot(const std::vector<const Latency*>& latencies) {
  LatencyCounts sum;
  for (const Latency* latency : latencies) sum += snapshot(latency);
  return sum;
}

ControlBlock snapshot(const std::vector<const ControlBlock*>& controls) {
  ControlBlock sum{};
  for (const ControlBlock* control : controls) {
    const u64 last = std::max(sum.last_message_us, atomic::load_relaxed(&control->last_message_us));
    combine(&sum, [&](std::size_t word, u64 value) {
      return value + atomic::load_relaxed(reinterpret_cast<const u64*>(control) + word);
    });
    sum.last_message_us = last;
  }
  return sum;
}

Telemetry& Telemetry::operator-=(const Telemetry& before) {
  const u64 last = control.last_message_us;
  u64 then[kControlWords];
  std::memcpy(then, &before.control, sizeof(then));
  combine(&control, [&](std::size_t word, u64 value) { return value - then[word]; });
  control.last_message_us = last;
  subtract(&mailbox, before.mailbox);
  if (bridge && before.bridge) subtract(&*bridge, *before.bridge);
  letters_lost -= before.letters_lost;
  replacements -= before.replacements;
  latency -= before.latency;
  ticks -= before.ticks;
  ticks_missed -= before.ticks_missed;
  for (std::size_t i = 0; i < counters.size(); ++i) counters[i].second -= before.counters[i].second;
  return *this;
}

void add_counts(Telemetry* to, const std::vector<std::string>& names,
                const std::vector<const UserCounts*>& counts) {
  for (const std::string& name : names) to->counters.emplace_back(name, 0);
  for (const UserCounts* of : counts) {
    to->ticks += atomic::load_relaxed(&of->ticks);
    to->ticks_missed += atomic::load_relaxed(&of->missed);
    for (std::size_t i = 0; i < names.size(); ++i) {
      to->counters[i].second += atomic::load_relaxed(&of->named[i]);
    }
  }
}

LinkTelemetry& LinkTelemetry::operator-=(const LinkTelemetry& before) {
  received -= before.received;
  latency -= before.latency;
  return *this;
}

const std::vector<DropReason>& drop_reasons() {
  static const auto* all = new std::vector<DropReason>{
      {"new", [](const Telemetry& t) { return t.mailbox.dropped_new; }},
      {"oldest", [](const Telemetry& t) { return t.mailbox.dropped_oldest; }},
      {"refused", [](const Telemetry& t) { return t.mailbox.refused_full + t.mailbox.refused_size; }},
      {"closed", [](const Telemetry& t) { return t.control.dropped_closed; }},
      {"late", [](const Telemetry& t) { return t.control.dropped_late; }},
      {"expired", [](const Telemetry& t) { return t.control.dropped_expired; }},
      {"duplicate", [](const Telemetry& t) { return t.control.dropped_duplicate; }},
      {"dead_letters", [](const Telemetry& t) { return t.letters_lost; }},
  };
  return *all;
}

}  // namespace ringway
