// A queue that any number of threads send to and receive from: a slot queue with a policy, a message type, waiting,
// and an end. Every method may be called from any thread.
//
// 1. try_* never wait. A call that may wait tries inside wait(), whose signals are given after every publication and
//    every release.
// 2. A sender enters the queue before it looks whether the queue is closed, and leaves after it has published. A receiver
//    calls the queue ended when it is closed, nobody is inside, and no slot is taken: so no message comes after the end.
// 3. Runs (reserve, peek) are slots side by side in memory, so that one strided array covers them: none goes across the
//    end of the ring. Slots that a sender gave up are published with kSlotSkipped; no receiver sees them, and
//    who comes upon the oldest of them, a sender too, makes room of it.
#pragma once
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/dead_letters.h"
#include "core/patience.h"
#include "core/telemetry.h"
#include "core/wait.h"
#include "core/watchers.h"

namespace ringway {

class Recorder;
enum class RecordKind : u8;

// What a slot holds: an envelope and any message, plain bytes, one class of messages, or records of one NumPy dtype;
// without an envelope but for kAny.
enum class Content : u32 { kAny, kBytes, kMessage, kRecord };

struct QueueType {
  Content content = Content::kAny;
  std::string name;    // wire name of the message class, or description of the dtype
  u32 type_id = 0;     // of the message class
  u32 fixed_size = 0;  // bytes of each message; 0: it varies
};

struct NamedCounts {
  u64 depth;     // sent, or about to be, and not yet received
  u64 sent;      // accepted
  u64 received;  // taken by receivers
  u64 dropped_new, dropped_oldest, refused;
  // Between processes: what dead senders had begun and not sent, what dead receivers had taken and another got.
  u64 skipped = 0, redelivered = 0;

  bool operator==(const NamedCounts&) const = default;
};

struct QueueTelemetry {
  NamedCounts counts;
  u32 capacity;
  u64 last_message_us;    // when a message was last sent, since the Unix epoch, within a few ms; 0: never
  LatencyCounts latency;  // from being sent to being released; of queues of this process

  QueueTelemetry& operator-=(const QueueTelemetry& before);
};

using SlotClaim = Claim<QueueAtomics>;

class NamedQueue {
 public:
  enum class Side { kSend, kReceive };
  using Attempt = std::function<bool()>;

  // `queue` has its name, and the policy that a full queue follows.
  // At most `dead_letters` of the messages that it drops are kept.
  NamedQueue(Queue queue, QueueType type, double block_timeout, u32 dead_letters = 256);
  virtual ~NamedQueue() = default;
  NamedQueue(const NamedQueue&) = delete;
  NamedQueue& operator=(const NamedQueue&) = delete;

  const std::string& name() const { return queue_.name(); }
  const Queue& queue() const { return queue_; }
  const QueueType& type() const { return type_; }
  // Bytes of the largest message, without an envelope.
  u32 max_message() const;
  // Why a receiver waits, if there is more to say than that there is no message: an end for the text of a time-out.
  virtual std::string held_up() const { return ""; }
  double block_timeout() const { return block_timeout_; }
  // For `timeout` seconds, or the queue's block time-out.
  Patience patience(std::optional<double> timeout, void (*check)() = nullptr) const {
    return {timeout.value_or(block_timeout_), timeout ? Limit::kTimeout : Limit::kBlockTimeout, check};
  }
  virtual NamedCounts counts() const;
  // What the policy dropped on behalf of this process's senders.
  DeadLetters& dead_letters() { return dead_letters_; }

  // Of one message in so many the latency is measured.
  static constexpr u32 kLatencySample = 64;
  // Counted since the last reset, or creation; read without stopping anything, in less than a microsecond.
  QueueTelemetry telemetry() const { return since_reset_.since(counted()); }
  void reset_telemetry() { since_reset_.reset(counted()); }
  bool telemetry_enabled() const { return atomic::load_relaxed(&telemetry_) != 0; }
  // Off: no message is timed. What is counted comes from the queue's indices, which go on.
  void enable_telemetry(bool on);

  // Throws kTypeMismatch, naming both, when a message of that class (0 and "": plain bytes) does not belong here;
  // kMessageTooLarge when it does not fit.
  void check_message(u32 type_id, const std::string& type_name, std::size_t bytes);
  // Throws kTypeMismatch unless messages have a fixed size; `verb` is for the text.
  void check_fixed(const char* verb) const;

  using Offer = Sender::Offer;
  // One message, by the policy; kFull when there is no room now. Throws kClosed.
  Offer try_send(std::initializer_list<Part> parts);
  // Waits for room under kBlock. True: sent; false: dropped and counted. Throws kQueueFull, kClosed.
  bool send(std::initializer_list<Part> parts, const Patience& patience);
  // Copies up to n messages of the fixed size, `stride` bytes apart, by the policy, as far as there is room now.
  // What kDropNew drops counts as done. Throws kClosed.
  u32 try_send_many(const u8* first, std::ptrdiff_t stride, u32 n, u32* dropped);
  // Throws kQueueFull and counts `messages` as refused.
  [[noreturn]] void refuse(u64 messages, const Patience& patience);

  // Takes the next message; false when there is none now. Throws kClosed at the end, as all that receive.
  bool try_receive(std::vector<u8>* message);
  // Copies up to n messages of the fixed size to `first` and on, `stride` bytes apart.
  u32 try_receive_many(u8* first, std::ptrdiff_t stride, u32 n);

  // In place: up to n slots side by side, to be written and then published (or skipped), or read and then released.
  // No policy applies; nothing when there is no room, or no message, now. Throw kClosed, and kInvalidState on a queue
  // that drops the oldest message, which nobody may hold. A run outlives a close.
  SlotClaim try_reserve(u32 n);
  SlotClaim try_peek(u32 n);
  // The first `sent` of a reserved run, with their sizes unless these are fixed; the others are given up.
  virtual void publish(SlotClaim claim, const u32* sizes, u32 sent);
  virtual void release(SlotClaim claim);
  u8* payload(u64 ticket) const { return payload_at(queue_.ring(), ticket); }
  // Whether `n` messages are there or on their way; or the queue is closed, so that no more may come.
  virtual bool has(u32 n) { return queue_.counts().depth >= n || closed(); }
  // Whether senders get kClosed; receivers may get what is left.
  virtual bool shut() const { return closed(); }
  // Whether other processes send and receive too.
  virtual bool is_shared() const { return false; }
  // Of a claimed message, never more than a slot holds.
  u32 size(u64 ticket) const;

  // Calls ready() until it returns true: then true; false at the deadline.
  virtual bool wait(Side side, const Wait& until, const Attempt& ready);
  // Tells `node` once when something comes, or the queue ends: look, after this, whether it is there already.
  virtual void watch(Side side, Completion* node);
  // As Watchers::remove().
  bool unwatch(Side side, Completion* node);

  // What passes from here on is recorded, as of the queue of that number; before the queue is used.
  void record_to(std::shared_ptr<Recorder> recorder, u32 number) {
    recorder_ = std::move(recorder);
    number_ = number;
  }
  u32 number() const { return number_; }
  bool recorded() const { return recorder_ != nullptr; }

  // Senders get kClosed from now on; receivers get what is left and then kClosed, or with `discard` kClosed at once.
  virtual void close(bool discard);
  // The end of the stream, for every process: senders get kClosed from now on, receivers what is left and then kClosed.
  virtual void end() { close(false); }
  bool closed() const;
  // Whether this is a child of the process that created it: nobody else is here.
  bool forked() const;

 protected:
  // Tickets of one side; `one_run`: their slots lie side by side. Zero tickets when there is none now. None that a
  // receiver gets is skipped. `room`, if given: of a receiver of one message, which has room for that many bytes; zero
  // tickets, and how many it should have room for, when the message is larger.
  virtual SlotClaim claim(Side side, u32 n, bool one_run, u32* room);
  // After the claimed slots were published, or released: wakes the other side.
  virtual void settled(Side side, SlotClaim claim);
  // Takes the oldest message away to make room; false when a receiver has it.
  virtual bool drop_one();
  // Whether no message can come any more.
  virtual bool ended() const;
  // Wakes who waits on that side in this process.
  void tell(Side side);
  // Keeps a message that is dropped.
  void bury(LetterReason reason, const u8* message, u32 bytes);
  [[noreturn]] void throw_closed() const;

  u64* last_message_us_ =
      &own_last_message_us_;  // where that is kept; a process among others does not own it

 private:
  class Entry;
  struct Waiters {
    Signal signal;
    Watchers watchers;
  };

  QueueTelemetry counted() const;
  // Before messages are published, and before they are released: takes their times.
  void time_sent(u64 first, u32 n);
  void time_received(u64 first, u32 n);
  SlotClaim claim_by_policy(u32 n);
  u32 first_skipped(u64 first, u32 n) const;
  void pass_skipped(SlotClaim claim);
  bool pass_oldest_skipped();
  void bury(std::initializer_list<Part> parts);
  void check_usable() const;
  void check_receivable() const;
  void check_in_place() const;
  bool nothing() const;
  Waiters& waiters(Side side) { return side == Side::kSend ? room_ : messages_; }

  bool records() const;
  void record(RecordKind kind, u64 ticket, u32 bytes) const;
  void record_taken(SlotClaim claim) const;

  std::shared_ptr<Recorder> recorder_;
  u32 number_ = 0;
  const Queue queue_;
  const QueueType type_;
  const double block_timeout_;
  const u32 process_;
  DeadLetters dead_letters_;
  Waiters room_, messages_;
  SinceReset<QueueTelemetry> since_reset_;
  u32 telemetry_ = 1;
  u64 skipped_ = 0;         // slots that senders gave up
  u64 skips_received_ = 0;  // of these, passed by a receiver
  alignas(kIndexLine) u64 own_last_message_us_ = 0;
  alignas(kIndexLine) u32 inside_ = 0;
  u32 closed_ = 0;
  u32 discarded_ = 0;
};

}  // namespace ringway
