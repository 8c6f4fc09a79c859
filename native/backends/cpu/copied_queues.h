// What stands in for a device's memory when a kernel of the CPU backend is launched with bridge="pumped": queues of its
// own, which messages reach by copying only.
#pragma once
#include <vector>

#include "core/bridge.h"
#include "core/mailbox.h"

namespace ringway::cpu {

struct ReplicaSet;

class CopiedQueues final : public DeviceQueues {
 public:
  CopiedQueues(ReplicaSet& kernel, const QueueOptions& to_kernel, bool lanes, QueueOptions to_host);

  u32 room(u32 lane, u32 most) override;
  void copy_in(u32 lane, const QueueRing& from, Claim<QueueAtomics> messages) override;
  u32 copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) override;
  u64 depth() const override { return mailbox.counts().depth; }

  // The kernel's side, by whoever runs it: after it took messages from the mailbox, and when it found the outbox full.
  void room_was_made();
  void wants_room() { atomic::store_relaxed(&held_back_, 1U); }

  Mailbox mailbox;
  Queue outbox;

 private:
  ReplicaSet& kernel_;
  std::vector<Producer<Atomics, false>> in_;  // of each lane
  Consumer<Atomics, false> out_;
  u32 asked_ = 0;      // the bridge waits for room in the mailbox
  u32 held_back_ = 0;  // the kernel waits for room in the outbox
};

}  // namespace ringway::cpu
