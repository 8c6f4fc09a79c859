// How messages pass between the host and a kernel whose queues lie in memory that the host does not see: they are
// copied, by one thread for all bridges of a runtime (core/pump.h). A kernel that works on the host's queues
// themselves has no bridge.
//
//   sender -> Port::mailbox -> copy_in() -> the device's mailbox -> handler
//   reply cell or Port::outbox <- returns <- copy_out() <- the device's queue to the host <- handler
//
// 1. Port::mailbox and `returns` are the staging rings. Nothing is taken before there is room for it one step on, so
//    that a full queue fills the one before it, and who sends meets the kernel's policy at the staging ring.
// 2. An answer carries the request's reply cell as receiver, its generation as sequence and its id as correlation id;
//    it is delivered to the cell here. The bridge remembers the requests that the device holds, so that each of them
//    is answered also when the device is lost.
// 3. Whoever may have made a move possible calls wake(): who sent, who received, the device's side after it published
//    or made room. Nobody polls.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "core/port.h"
#include "core/reply.h"

namespace ringway {

class Pump;

// A kernel's two queues on a device without shared memory. Called by one thread at a time; an exception fails the
// kernel and is raised at its callers.
class DeviceQueues {
 public:
  virtual ~DeviceQueues() = default;
  // How many more messages that lane of its mailbox takes, at most `most`. When none, the device's side wakes the bridge
  // once there is room. A mailbox without lanes is lane 0.
  virtual u32 room(u32 lane, u32 most) = 0;
  // Appends the claimed messages of a ring of the host, not more than the lane's last room(); returns when the ring's
  // memory may be used again.
  virtual void copy_in(u32 lane, const QueueRing& from, Claim<QueueAtomics> messages) = 0;
  // Takes up to slots.count messages for the host out, into the payloads of claimed slots, with the bytes of each in
  // `sizes`; how many. The device's side wakes the bridge after it published more.
  virtual u32 copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) = 0;
  // Messages in its mailbox.
  virtual u64 depth() const = 0;
};

struct BridgeCounts {
  u64 to_device;  // messages copied in
  u64 to_host;    // messages copied out: answers, and what the kernel sent
  u64 in_full;    // times that messages waited because the device's mailbox was full
  u64 out_full;   // times that messages waited because the queue to the host was full
  u64 late;       // answers that nobody waited for any more
  u64 discarded;  // messages left in the staging ring when the kernel ended
  u64 depth;      // messages on their way to the handler, on both sides
};

class Bridge : public std::enable_shared_from_this<Bridge> {
 public:
  // `port` owns this and `device`.
  Bridge(Pump& pump, ReplyPool& replies, const std::shared_ptr<Port>& port, DeviceQueues& device,
         u32 staging_capacity);

  void wake();
  // Copies what there is room for, both ways; false when nothing moved.
  bool turn();
  // Nothing more goes to the device.
  void shut();
  // Delivers what the device has for the host, discards what it has not got yet, and answers every request that is
  // still open with an error; how many messages were discarded. Afterwards only copies out, as room is made.
  u64 end(ErrorKind kind, const std::string& text);
  // Whether messages wait in the staging ring.
  bool staged();
  BridgeCounts counts() const;
  // Whether all of the messages that the kernel has sent to the host have reached it.
  bool delivered(u64 sent) const;

 private:
  friend class Pump;
  enum : u32 { kBatch = 256 };

  bool move_in(Port& port);
  bool move_in(Port& port, u32 lane);
  bool move_out(Port& port);
  bool deliver(Port& port, u64 ticket);
  bool put_outside(const Port& port, const u8* message, u32 bytes);
  void give(const Envelope& answer, const u8* body, u32 bytes);
  void answer_error(const Envelope& request, ErrorKind kind, const std::string& text);
  void bury(Port& port, u32 lane, u64 ticket, LetterReason reason, const std::string& text);
  u64 end_locked(Port& port, ErrorKind kind, const std::string& text);
  void fail(Port& port, const char* why) noexcept;
  void remember(const QueueRing& ring, Claim<QueueAtomics> messages);

  Pump& pump_;
  ReplyPool& replies_;
  const std::weak_ptr<Port> port_;
  DeviceQueues& device_;

  std::mutex busy_;  // holds all below but the counters and what is the pump's
  // Of each lane of Port::mailbox, from which senders may drop the oldest.
  std::vector<Consumer<QueueAtomics, true>> staged_;
  Queue returns_;
  Producer<QueueAtomics, false> put_;        // into returns_
  Consumer<QueueAtomics, false> take_;       // out of it
  Producer<QueueAtomics, false> host_;       // into Port::outbox
  std::unordered_map<i32, Envelope> asked_;  // requests that the device holds, by reply cell
  bool shut_ = false;
  bool ended_ = false;

  u64 to_device_ = 0, to_host_ = 0, in_full_ = 0, out_full_ = 0, late_ = 0, discarded_ = 0;

  // The pump's.
  u32 scheduled_ = 0;
  std::shared_ptr<Bridge> next_;
};

}  // namespace ringway
