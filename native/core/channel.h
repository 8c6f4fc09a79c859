// The two handles on a queue: a Sender, which keeps to the queue's backpressure policy and counts what it drops or
// refuses, and a Receiver. A handle belongs to one thread; a queue may have any number of both.
//
// `wait` is called when there is no room, or no message: wait(attempt) calls attempt() until it returns true, and returns
// true then, or false when it gives up (core/wait.h: Signal).
#pragma once
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <string>

#include "core/queue.h"

namespace ringway {

// Bytes that go into a slot one after the other: an envelope and a body, for instance.
struct Part {
  const void* data;
  std::size_t bytes;
};

// Sees a message that kDropOldest takes away, before its slot is used again.
struct OnDrop {
  void (*call)(void* self, const u8* message, u32 bytes) = nullptr;
  void* self = nullptr;
};

// Sees the ticket of a message whose slot is claimed and written, before others can.
struct OnSend {
  void (*call)(void* self, u64 ticket) = nullptr;
  void* self = nullptr;
};

class Sender {
 public:
  explicit Sender(const Queue& queue, OnDrop on_drop = {}, OnSend on_send = {})
      : queue_(&queue), on_drop_(on_drop), on_send_(on_send) {
    side_.open(queue.ring());
  }

  enum class Offer { kSent, kDropped, kFull };  // kFull only under kBlock and kReject

  // One attempt to put a message that is known to fit.
  Offer offer(std::initializer_list<Part> parts);

  // True: sent. False: the policy dropped the message. Throws kMessageTooLarge, or kQueueFull under kReject and when
  // `wait` gives up under kBlock; the queue is then as it was. `type` is for error texts.
  template <class Wait>
  bool send(std::initializer_list<Part> parts, const std::string& type, Wait&& wait) {
    check_size(size_of(parts), type);
    Offer made = offer(parts);
    if (made == Offer::kFull && queue_->options().policy == Backpressure::kBlock) {
      wait([&] { return (made = offer(parts)) != Offer::kFull; });
    }
    if (made == Offer::kFull) refuse();
    return made == Offer::kSent;
  }

  // In place: up to n slots, to be written and then published. No policy applies: what there is room for.
  Claim<QueueAtomics> reserve(u32 n) { return side_.reserve(n); }
  u8* payload(u64 ticket) const { return payload_at(side_.ring, ticket); }
  void publish(u64 ticket, u32 bytes, u32 flags = 0) { side_.publish(ticket, bytes, flags); }
  void publish_n(Claim<QueueAtomics> claim, u32 bytes) { side_.publish_n(claim, bytes); }
  // Copies as many of n messages of `bytes` bytes, one behind the other, as there is room for; how many.
  u32 send_some(const void* messages, u32 n, u32 bytes, const std::string& type);

 private:
  static std::size_t size_of(std::initializer_list<Part> parts);
  void check_size(std::size_t bytes, const std::string& type) const;
  [[noreturn]] void refuse() const;
  void drop_oldest_for(u64 ticket) const;

  const Queue* queue_;
  OnDrop on_drop_;
  OnSend on_send_;
  Producer<QueueAtomics, true> side_;
};

class Receiver {
 public:
  explicit Receiver(const Queue& queue) : queue_(&queue) { side_.open(queue.ring()); }

  // Copies the next message into `to`, which has room for Queue::max_message() bytes; its bytes, or -1 when `wait` gave up.
  template <class Wait>
  i32 receive(void* to, Wait&& wait) {
    i32 bytes = try_receive(to);
    if (bytes < 0) wait([&] { return (bytes = try_receive(to)) >= 0; });
    return bytes;
  }
  i32 try_receive(void* to);
  // Copies up to n messages, Queue::max_message() bytes apart, with the bytes of each in `sizes`; how many.
  u32 receive_some(void* to, u32* sizes, u32 n);

  // In place: up to n messages, to be read and then released. Not of a queue that drops the oldest: while a message is
  // held in place the queue could only drop new ones, so that it throws kInvalidState.
  Claim<QueueAtomics> peek(u32 n);
  const u8* payload(u64 ticket) const { return payload_at(side_.ring, ticket); }
  u32 size(u64 ticket) const { return side_.size(ticket); }
  u32 flags(u64 ticket) const { return side_.flags(ticket); }
  void release_n(Claim<QueueAtomics> claim) { side_.release_n(claim); }

 private:
  u32 bounded(u64 ticket) const;  // the size, which a hostile peer may have made larger than the slot

  const Queue* queue_;
  Consumer<QueueAtomics, true> side_;
};

}  // namespace ringway
