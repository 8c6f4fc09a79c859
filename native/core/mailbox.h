// A kernel's mailbox: one ring, or four lanes by the messages' priority. Capacity and policy are each lane's own, so
// that a flood in one lane neither blocks nor drops messages of another.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/channel.h"
#include "core/error.h"
#include "core/queue.h"
#include "ringway/lane_turns.h"

namespace ringway {

class Mailbox {
 public:
  static constexpr u32 kLanes = kMailboxLanes;

  Mailbox(const QueueOptions& options, bool lanes);

  std::span<const Queue> lanes() const { return lanes_; }
  const Queue& only() const { return lanes_[0]; }  // of a mailbox without lanes
  // Lane 0 is served first.
  const Queue& lane_for(const Envelope& envelope) const {
    return lanes_[lanes_.size() == 1 ? 0 : envelope.priority >> 6];
  }
  // Before the mailbox is used; see Queue.
  void sample_latency(u32 every) {
    for (Queue& lane : lanes_) lane.sample_latency(every);
  }
  u32 max_body() const { return lanes_[0].max_message() - u32(sizeof(Envelope)); }
  QueueCounts counts() const;  // of all lanes

  // One attempt to put a message in. `on_drop` sees what goes under kDropOldest, `on_send` what comes in.
  Sender::Offer offer(const Envelope& envelope, std::span<const u8> body, OnDrop on_drop,
                      OnSend on_send = {}) const;

  // Throw kMessageTooLarge, for bodies above max_body(), and `kind` with `text` for want of room, and count that.
  void check_size(std::size_t body, const std::string& type_name) const;
  [[noreturn]] void refuse(const Envelope& envelope, ErrorKind kind, const std::string& text,
                           u64 messages) const;
  // "the mailbox of kernel 'name'", or one of its lanes.
  std::string place_of(const Envelope& envelope) const;

 private:
  std::vector<Queue> lanes_;
};

}  // namespace ringway
