#include "core/latency.h"

#include <algorithm>

namespace ringway {

Latency::Latency(u32 capacity, u32 every)
    : mask_(every - 1),
      capacity_(capacity),
      every_(every),
      stamps_(std::make_unique<u64[]>(std::max(1U, capacity / every))) {}

u64 Latency::stamp(u64 ticket) {
  // Relaxed: published, and freed for the next lap, with the slot that the ticket owns.
  atomic::store_relaxed(stamp_of(ticket), static_cast<u64>(now_ns()));
  return ticket + every_;
}

void Latency::stamp(u64 first, u32 n) {
  const u64 now = static_cast<u64>(now_ns());
  for (u64 ticket = (first + mask_) & ~mask_; ticket < first + n; ticket += every_) {
    atomic::store_relaxed(stamp_of(ticket), now);  // relaxed: as in stamp()
  }
}

void Latency::forget_sent() {
  // Relaxed: a message whose stamp goes with it is only not measured.
  for (u32 i = 0; i < std::max(1U, capacity_ / every_); ++i) atomic::store_relaxed(&stamps_[i], u64(0));
}

void Latency::passed_on(u64 ticket, const Latency& from, u64 was) {
  if ((ticket & mask_) != 0) return;
  if ((was & from.mask_) != 0) {  // one that was not sampled there: from here on
    stamp(ticket);
    return;
  }
  // Relaxed: as in stamp() and record().
  atomic::store_relaxed(stamp_of(ticket), atomic::load_relaxed(from.stamp_of(was)));
}

void Latency::record(u64 first, u32 n, OnMeasured seen) {
  const u64 now = static_cast<u64>(now_ns());
  for (u64 ticket = (first + mask_) & ~mask_; ticket < first + n; ticket += every_) {
    // Relaxed: ordered by the claim of the slot.
    const u64 sent = atomic::load_relaxed(stamp_of(ticket));
    // None: published by somebody who does not stamp.
    if (sent) add_duration(&histogram_, now > sent ? now - sent : 0);
    if (sent && seen.call) seen.call(seen.self, sent, now);
    atomic::store_relaxed(stamp_of(ticket), u64(0));
  }
}

}  // namespace ringway
