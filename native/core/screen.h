// Which messages of its mailbox a kernel handles: not those whose time to live is over, and not those whose id it has
// handled before. Belongs to whoever runs the kernel.
#pragma once
#include <cstdint>

#include "core/dedup.h"
#include "ringway/layout.h"

namespace ringway {

enum class Verdict : u32 { kHandle, kExpired, kDuplicate };

class Screen {
 public:
  explicit Screen(u32 dedup) : window_(dedup) {}

  u32 dedup() const { return window_.window(); }

  // `known`: an earlier judgement let the message pass, and it is still waiting.
  Verdict judge(const Envelope& envelope, u64 now_us, bool known) {
    if (outlived(envelope.ttl_10ms, envelope.timestamp_us, now_us)) {
      if (known) forget(envelope);
      return Verdict::kExpired;
    }
    return known || window_.add(id_of(envelope)) ? Verdict::kHandle : Verdict::kDuplicate;
  }
  // A message that was let pass has failed: its sender may try again under the same id.
  void forget(const Envelope& envelope) { window_.remove(id_of(envelope)); }

 private:
  static DedupWindow::Id id_of(const Envelope& envelope) {
    return {envelope.message_id[0], envelope.message_id[1], envelope.message_id[2], envelope.message_id[3]};
  }

  DedupWindow window_;
};

}  // namespace ringway
