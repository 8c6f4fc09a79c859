// Takes the messages of a named queue in the form in which kernels get them, for threads that hand them on.
#pragma once
#include <functional>
#include <memory>

#include "core/body_fields.h"
#include "core/kernel.h"
#include "core/named_queue.h"

namespace ringway {

class QueueSource {
 public:
  enum class Took { kNothing, kMessage, kMalformed };

  QueueSource(std::shared_ptr<NamedQueue> queue, const BodyFields& fields)
      : queue_(std::move(queue)), fields_(fields) {}
  QueueSource(const QueueSource&) = delete;
  QueueSource& operator=(const QueueSource&) = delete;

  const std::shared_ptr<NamedQueue>& queue() const { return queue_; }

  // Throws kTypeMismatch when the kernel takes no message that the queue carries.
  void check_taker(const Kernel& kernel) const;

  // Waits for the next message. Its slot stays claimed until let_go(), so that the queue fills up behind a slow taker;
  // of a queue that drops the oldest, whose slots nobody may hold, it is a copy. kNothing once `stopping`; kMalformed for
  // what a hostile peer has sent. Throws kClosed at the end of the queue.
  Took take(Message* message, const std::function<bool()>& stopping);
  void let_go();

 private:
  const std::shared_ptr<NamedQueue> queue_;
  const BodyFields fields_;
  SlotClaim claim_{0, 0};
};

}  // namespace ringway
