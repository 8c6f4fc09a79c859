// How long a queue's messages wait and are handled, from being sent to being released, measured on a sample.
//
// The sender of a sampled ticket writes the time beside the slot before it publishes; the receiver reads it before it
// releases. A stamp belongs to a slot, so that none is overwritten before its message is handled.
#pragma once
#include <memory>

#include "core/wait.h"
#include "ringway/atomics_host.h"
#include "ringway/histogram.h"

namespace ringway {

using LatencyHistogram = Histogram<HostAtomics<u64>>;

// Sees each message whose latency is measured.
struct OnMeasured {
  void (*call)(void* self, u64 sent, u64 handled) = nullptr;  // ns of the steady clock
  void* self = nullptr;
};

class Latency {
 public:
  // One ticket in `every` is sampled; both are powers of two.
  Latency(u32 capacity, u32 every);

  void sent(u64 ticket) {
    if ((ticket & mask_) == 0) stamp(ticket);
  }
  // As sent(), of n tickets from `first` on.
  void sent(u64 first, u32 n) {
    if (((first + mask_) & ~mask_) < first + n) stamp(first, n);
  }
  void handled(u64 first, u32 n, OnMeasured seen = {}) {
    if (((first + mask_) & ~mask_) < first + n) record(first, n, seen);
  }

  // As sent(), of a message that was sent as ticket `was` of another queue, sampled as often.
  void passed_on(u64 ticket, const Latency& from, u64 was);
  // As sent(), of a ticket that is sampled; the next one that is.
  u64 stamp(u64 ticket);
  // Messages that are on their way will not be measured.
  void forget_sent();

  const LatencyHistogram& histogram() const { return histogram_; }

 private:
  void stamp(u64 first, u32 n);
  void record(u64 first, u32 n, OnMeasured seen);
  u64* stamp_of(u64 ticket) const { return &stamps_[(ticket & (capacity_ - 1)) / every_]; }

  const u64 mask_;
  const u32 capacity_, every_;
  const std::unique_ptr<u64[]> stamps_;
  LatencyHistogram histogram_{};
};

}  // namespace ringway
