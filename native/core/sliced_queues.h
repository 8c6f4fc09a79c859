// A sliced kernel's queues, as the bridge sees them.
//
// The host writes only slots that a report said were released, and takes only what a report said is there. Where slices
// look for messages while they run (LaunchOptions::device_polls), the mailbox's enqueue index says at once what the next
// order says. On Metal that
// is the order between the two sides; on CUDA the slots' own words are.
#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/bridge.h"
#include "core/dead_letters.h"

namespace ringway {

struct SlicedKernel;

class SlicedQueues final : public DeviceQueues {
 public:
  explicit SlicedQueues(SlicedKernel& kernel) : kernel_(kernel) {}

  u32 room(u32 lane, u32 most) override;
  void copy_in(u32 lane, const QueueRing& from, Claim<QueueAtomics> messages) override;
  u32 copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) override;
  u64 depth() const override;

  // By who applies reports, under SlicedKernel::queues, after a report: whether the bridge waits for what has changed.
  bool has_news();
  // Under SlicedKernel::queues: nothing goes to the host, so that who gets the answer on which a kernel broke finds it
  // failed, or about to restart.
  void hold_back(bool on) { held_back_ = on; }
  // Under SlicedKernel::queues: takes what is there for the host off the device, however little room the host has. Links
  // are being emptied, for `reason`.
  void take_off(LetterReason reason, const std::string& text);
  // Messages of links that came out so.
  u64 left() const { return left_; }

 private:
  struct Target {
    u8* bytes;
    u32* size;
  };
  struct Taken {
    u32 flags;
    std::vector<u8> bytes;
  };
  // Whether something for the host came of it.
  bool hand_out(const u8* message, u32 bytes, u32 flags, Target to);
  bool settle_note(const u8* note, u32 bytes, Target to);
  // False: nobody asked.
  bool answer_error(const Envelope& request, ErrorKind kind, std::string_view text,
                    std::vector<u8>* to) const;

  SlicedKernel& kernel_;
  bool asked_[kMailboxLanes] = {};  // the bridge waits for room in that lane
  std::deque<Taken> off_{};         // taken off, and not copied out yet
  LetterReason left_reason_ = LetterReason::kTerminated;
  std::string left_text_{};
  u64 left_ = 0;
  bool held_back_ = false;
};

}  // namespace ringway
