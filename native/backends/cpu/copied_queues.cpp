#include "backends/cpu/copied_queues.h"

#include <cstring>
#include <utility>

#include "backends/cpu/instance.h"

namespace ringway::cpu {

CopiedQueues::CopiedQueues(ReplicaSet& kernel, const QueueOptions& to_kernel, bool lanes,
                           QueueOptions to_host)
    : mailbox(to_kernel, lanes), outbox(std::move(to_host)), kernel_(kernel) {
  for (const Queue& lane : mailbox.lanes()) in_.emplace_back().open(lane.ring());
  out_.open(outbox.ring());
}

u32 CopiedQueues::room(u32 lane, u32 most) {
  const Producer<Atomics, false>& in = in_[lane];
  const u32 ready = ready_run(in.ring, in.next, most, 0);
  if (ready) return ready;
  // SYNC: partner room_was_made(), after slots were released: it sees the mark, or this one, which comes behind it,
  // sees the slots.
  atomic::exchange_seq_cst(&asked_, 1U);
  return ready_run(in.ring, in.next, most, 0);
}

void CopiedQueues::room_was_made() {
  // SYNC: partner room(), see there.
  if (atomic::exchange_seq_cst(&asked_, 0U)) kernel_.bridge->wake();
}

void CopiedQueues::copy_in(u32 lane, const QueueRing& from, Claim<QueueAtomics> messages) {
  Producer<Atomics, false>& in = in_[lane];
  Consumer<Atomics, true> source;
  source.ring = from;
  const auto slots = in.reserve(messages.count);
  for (u32 i = 0; i < slots.count; ++i) {
    const u32 bytes = source.size(messages.first + i);
    std::memcpy(payload_at(in.ring, slots.first + i), payload_at(from, messages.first + i), bytes);
    if (Latency* latency = mailbox.lanes()[lane].latency()) {
      latency->passed_on(slots.first + i, *kernel_.mailbox.lanes()[lane].latency(), messages.first + i);
    }
    in.publish(slots.first + i, bytes, 0);
  }
  in.show();
  kernel_.notify();
}

u32 CopiedQueues::copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) {
  const auto messages = out_.peek(slots.count);
  u32 copied = 0;
  for (u32 i = 0; i < messages.count; ++i) {
    const u32 bytes = out_.size(messages.first + i);
    if (!bytes) continue;  // a replica has claimed the slot and not used it
    sizes[copied] = bytes;
    std::memcpy(payload_at(to, slots.first + copied), payload_at(out_.ring, messages.first + i), bytes);
    ++copied;
  }
  out_.release_n(messages);
  out_.show();
  // One that comes too early for this look is made up for by the end of the stalled kernel's sleep.
  if (messages.count && atomic::load_relaxed(&held_back_)) {
    atomic::store_relaxed(&held_back_, 0U);
    kernel_.notify();
  }
  return copied;
}

}  // namespace ringway::cpu
