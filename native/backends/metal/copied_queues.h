// A kernel's queues in the arena, as the bridge sees them.
//
// No word of them is shared with a running command buffer: the host writes only slots that the last report said were
// released, and the GPU looks only at tickets below what the order of its command buffer says is published; the other
// way round for the queue to the host. Reports and orders are read and written when no command buffer looks at them.
// Where the kernel polls (LaunchOptions::device_polls), the mailbox's enqueue index is shared: it says as the order does,
// and at once.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/bridge.h"
#include "core/dead_letters.h"

namespace ringway::metal {

struct KernelSet;
struct Replica;

class ArenaQueues final : public DeviceQueues {
 public:
  explicit ArenaQueues(KernelSet& kernel) : kernel_(kernel) {}

  u32 room(u32 lane, u32 most) override;
  void copy_in(u32 lane, const QueueRing& from, Claim<QueueAtomics> messages) override;
  u32 copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) override;
  u64 depth() const override;

  // By the driver, under KernelSet::queues, after a report: whether the bridge waits for what has changed.
  bool has_news();

 private:
  struct Target {
    u8* bytes;
    u32* size;
  };
  // Whether something for the host came of it.
  bool settle_note(const u8* note, u32 bytes, Target to);
  // False: nobody asked.
  bool answer_error(const Envelope& request, ErrorKind kind, std::string_view text,
                    std::vector<u8>* to) const;

  KernelSet& kernel_;
  bool asked_[kMailboxLanes] = {};  // the bridge waits for room in that lane
};

}  // namespace ringway::metal
