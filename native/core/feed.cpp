#include "core/feed.h"

#include <utility>

#include "core/error.h"

namespace ringway {
namespace {

std::string name_of(Feed::Direction direction, const NamedQueue& from, const Kernel& to) {
  const std::string kernel = "kernel '" + to.name() + "'", queue = "queue '" + from.name() + "'";
  return "the feed from " +
         (direction == Feed::Direction::kToKernel ? queue + " to " + kernel : kernel + " to " + queue);
}

}  // namespace

Feed::Feed(Direction direction, std::shared_ptr<NamedQueue> queue, std::shared_ptr<Kernel> kernel,
           const BodyFields& fields)
    : direction_(direction),
      source_(std::move(queue), fields),
      kernel_(std::move(kernel)),
      conveyor_(name_of(direction_, *source_.queue(), *kernel_), kernel_->name()) {
  if (direction_ == Direction::kToKernel) source_.check_taker(*kernel_);
  conveyor_.start([this] { direction_ == Direction::kToKernel ? move_to_kernel() : move_to_queue(); });
}

void Feed::stop() {
  conveyor_.stop([this] {
    announce_room(kernel_->port());
    kernel_->port().output.notify();
  });
}

void Feed::move_to_kernel() {
  struct LetGo {
    QueueSource& source;
    ~LetGo() { source.let_go(); }
  } let_go{source_};
  Message message{};
  const auto took = source_.take(&message, [this] { return stopping(); });
  if (took == QueueSource::Took::kMessage) put_into_kernel(message);
  if (took == QueueSource::Took::kMalformed) atomic::count(&refused_, 1);
}

void Feed::put_into_kernel(const Message& message) {
  deliver(message, [&] {
    std::optional<bool> put;
    kernel_->port().room.wait(Wait{}, [&] {
      put = kernel_->try_feed(message.envelope, message.body);
      return put || stopping();
    });
    return put.has_value();
  });
}

void Feed::move_to_queue() {
  Message message{};
  bool taken = false;
  kernel_->port().output.wait(Wait{}, [&] {
    taken = kernel_->receive(&message, Wait{0});
    return taken || stopping();
  });
  if (taken) put_into_queue(message);
}

void Feed::put_into_queue(const Message& message) {
  deliver(message, [&] {
    const QueueType& type = queue()->type();
    const u32 id = message.envelope.type_id;
    queue()->check_message(id, id ? "message type number " + std::to_string(id) : "", message.body.size());
    if (type.fixed_size && message.body.size() != type.fixed_size) {
      throw Error(ErrorKind::kTypeMismatch, "queue '" + queue()->name() + "' carries messages of " +
                                                std::to_string(type.fixed_size) + " bytes, not of " +
                                                std::to_string(message.body.size()));
    }
    const Part envelope{&message.envelope, sizeof(message.envelope)};
    const Part body{message.body.data(), message.body.size()};
    auto put = NamedQueue::Offer::kFull;
    queue()->wait(Side::kSend, {}, [&] {
      put = type.content == Content::kAny ? queue()->try_send({envelope, body}) : queue()->try_send({body});
      return put != NamedQueue::Offer::kFull || stopping();
    });
    return put != NamedQueue::Offer::kFull;
  });
}

void Feed::deliver(const Message& message, const std::function<bool()>& put) {
  try {
    if (put()) return atomic::count(&moved_, 1);
    bury(LetterReason::kClosed, message, conveyor_.name() + " was stopped before there was room");
  } catch (const Error& error) {
    const bool refused =
        error.kind() == ErrorKind::kTypeMismatch || error.kind() == ErrorKind::kMessageTooLarge;
    bury(refused ? LetterReason::kRefused : LetterReason::kClosed, message, error.what());
    if (!refused) throw;
    atomic::count(&refused_, 1);
  }
}

void Feed::bury(LetterReason reason, const Message& message, const std::string& text) {
  kernel_->dead_letters().add(reason, &message.envelope, message.body, text);
}

}  // namespace ringway
