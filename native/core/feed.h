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
#include <thread>

#include "core/body_fields.h"
#include "core/kernel.h"
#include "core/named_queue.h"

namespace ringway {

class Feed {
 public:
  enum class Direction { kToKernel, kToQueue };

  // Throws kTypeMismatch when the kernel takes no message that the queue carries.
  Feed(Direction direction, std::shared_ptr<NamedQueue> queue, std::shared_ptr<Kernel> kernel,
       const BodyFields& fields);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Returns when the thread has ended.
  void stop();
  // Whether it has ended: stopped, or because its source or its target has.
  bool done() const { return atomic::load_seq_cst(&done_) != 0; }  // SYNC: partner run(): the text of end()
  bool wait(const Wait& until);                                    // for the end; false at the deadline
  std::string why() const { return done() ? why_ : ""; }           // it ended
  u64 moved() const { return atomic::load_relaxed(&moved_); }
  u64 refused() const { return atomic::load_relaxed(&refused_); }

  Direction direction() const { return direction_; }
  const std::shared_ptr<NamedQueue>& queue() const { return queue_; }
  const std::shared_ptr<Kernel>& kernel() const { return kernel_; }

 private:
  using Side = NamedQueue::Side;

  void run();
  void move_to_kernel();
  void move_to_queue();
  bool take(Message* message);
  void put_into_kernel(const Message& message);
  void put_into_queue(const Message& message);
  // Calls `put`; what it refuses becomes a dead letter. Throws kClosed.
  void deliver(const Message& message, const std::function<bool()>& put);
  void bury(LetterReason reason, const Message& message, const std::string& text);
  bool stopping() const;
  std::string name() const;

  const Direction direction_;
  const std::shared_ptr<NamedQueue> queue_;
  const std::shared_ptr<Kernel> kernel_;
  const BodyFields fields_;
  const u32 process_;
  u64 moved_ = 0, refused_ = 0;
  u32 stop_ = 0, done_ = 0;
  std::string why_;
  Signal finished_;
  std::unique_ptr<std::thread> thread_;  // the last member: it uses the others
};

}  // namespace ringway
