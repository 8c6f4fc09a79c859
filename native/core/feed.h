// Moves messages between a named queue and a kernel, by a thread of its own: into the mailbox, or out of the outbox. So a
// kernel is reached from another process by a shared queue.
//
// 1. Nothing is taken without an end to put it to: a message of the queue stays claimed until the mailbox has it, so that
//    the queue fills up behind a full mailbox, and the queue's senders meet its policy. A kernel that feeds a queue stops at
//    its full outbox.
// 2. Where the target's policy is to block or to reject, the feed waits; it drops by kDropNew and kDropOldest.
// 3. What the target does not carry, and what is in hand when the feed or the target ends, goes to the kernel's dead
//    letters.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/conveyor.h"
#include "core/queue_source.h"

namespace ringway {

class Feed {
 public:
  enum class Direction { kToKernel, kToQueue };

  // Throws kTypeMismatch when the kernel takes no message that the queue carries.
  Feed(Direction direction, std::shared_ptr<NamedQueue> queue, std::shared_ptr<Kernel> kernel,
       const BodyFields& fields);
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Returns when the thread has ended.
  void stop();
  // Whether it has ended: stopped, or because its source or its target has.
  bool done() const { return conveyor_.done(); }
  bool wait(const Wait& until) { return conveyor_.wait(until); }  // for the end; false at the deadline
  std::string why() const { return conveyor_.why(); }             // it ended
  u64 moved() const { return atomic::load_relaxed(&moved_); }
  u64 refused() const { return atomic::load_relaxed(&refused_); }

  Direction direction() const { return direction_; }
  const std::shared_ptr<NamedQueue>& queue() const { return source_.queue(); }
  const std::shared_ptr<Kernel>& kernel() const { return kernel_; }

 private:
  using Side = NamedQueue::Side;

  void run();
  void move_to_kernel();
  void move_to_queue();
  void put_into_kernel(const Message& message);
  void put_into_queue(const Message& message);
  // Calls `put`; what it refuses becomes a dead letter. Throws kClosed.
  void deliver(const Message& message, const std::function<bool()>& put);
  void bury(LetterReason reason, const Message& message, const std::string& text);
  bool stopping() const { return conveyor_.stopping(); }

  const Direction direction_;
  QueueSource source_;
  const std::shared_ptr<Kernel> kernel_;
  u64 moved_ = 0, refused_ = 0;
  Conveyor conveyor_;  // the last member: its thread uses the others
};

}  // namespace ringway
