// Hands what a named queue gets on to every kernel that has subscribed, by a thread of its own. So one producer, in this
// process or, by a shared queue, in another, reaches many kernels.
//
// 1. A message of the queue stays claimed until each subscriber has it: the queue fills up behind the slowest of those
//    whose policy is to block or to reject, and its senders meet its policy. The others drop by kDropNew and kDropOldest,
//    and hold up nobody.
// 2. A slow subscriber does not keep the others from the message that it is waited for with.
// 3. A kernel that has ended is no subscriber any more.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/conveyor.h"
#include "core/queue_source.h"

namespace ringway {

class Topic {
 public:
  Topic(std::shared_ptr<NamedQueue> queue, const BodyFields& fields);
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;

  // From the next message on. Throws kTypeMismatch when the kernel takes no message that the queue carries,
  // kInvalidOption when it is a subscriber already.
  void subscribe(std::shared_ptr<Kernel> kernel);
  // Once back, nothing more is put into its mailbox. False: it was no subscriber.
  bool unsubscribe(const Kernel& kernel);
  std::vector<std::shared_ptr<Kernel>> subscribers();

  void stop();
  bool done() const { return conveyor_.done(); }
  bool wait(const Wait& until) { return conveyor_.wait(until); }
  std::string why() const { return conveyor_.why(); }

  u64 taken() const { return atomic::load_relaxed(&taken_); }  // messages of the queue
  // Of these, times that one was put into a mailbox or dropped there by its policy; those that nobody was there for; times
  // that a kernel's mailbox did not take one, which is among its dead letters then.
  u64 delivered() const { return atomic::load_relaxed(&delivered_); }
  u64 unheard() const { return atomic::load_relaxed(&unheard_); }
  u64 refused() const { return atomic::load_relaxed(&refused_); }

  const std::shared_ptr<NamedQueue>& queue() const { return source_.queue(); }

 private:
  enum class Put { kDone, kFull };

  void move();
  void deliver(const Message& message);
  Put put(const std::shared_ptr<Kernel>& kernel, const Message& message);
  bool remove(const Kernel& kernel);

  QueueSource source_;
  std::mutex lock_;  // of subscribers_; held while a message is put into a mailbox, which does not wait
  std::vector<std::shared_ptr<Kernel>> subscribers_;
  u64 taken_ = 0, delivered_ = 0, unheard_ = 0, refused_ = 0;
  Conveyor conveyor_;  // the last member: its thread uses the others
};

}  // namespace ringway
