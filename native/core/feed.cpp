#include "core/feed.h"

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/process.h"
#include "core/reply.h"
#include "core/type_id.h"

namespace ringway {
namespace {

// What a bare message's envelope would have been.
Envelope envelope_of(u32 type_id, std::span<const u8> body, const BodyFields& fields) {
  Envelope made{};
  made.type_id = type_id;
  made.priority = kDefaultPriority;
  made.timestamp_us = unix_us();
  if (!read_fields(fields, body, &made)) fresh_id(made.message_id);
  return made;
}

void check_types(const NamedQueue& queue, const Kernel& kernel) {
  const QueueType& type = queue.type();
  const auto& accepts = kernel.type().accepts;
  if (type.content == Content::kAny || accepts.empty()) return;
  if (type.content == Content::kMessage &&
      std::any_of(accepts.begin(), accepts.end(),
                  [&](const std::string& name) { return type_id_of(name) == type.type_id; })) {
    return;
  }
  std::string names;
  for (const std::string& name : accepts) names += (names.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::kTypeMismatch, "queue '" + queue.name() + "' carries " +
                                            (type.name.empty() ? "bytes" : type.name) + ", but kernel '" +
                                            kernel.name() + "' accepts " + names);
}

}  // namespace

Feed::Feed(Direction direction, std::shared_ptr<NamedQueue> queue, std::shared_ptr<Kernel> kernel,
           const BodyFields& fields)
    : direction_(direction),
      queue_(std::move(queue)),
      kernel_(std::move(kernel)),
      fields_(fields),
      process_(process_number()) {
  if (direction_ == Direction::kToKernel) check_types(*queue_, *kernel_);
  try {
    thread_ = std::make_unique<std::thread>([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorKind::kInvalidState, "the thread of " + name() + " cannot be started: " + error.what());
  }
}

Feed::~Feed() {
  // A forked child does not have the thread.
  if (process_ != process_number()) {
    (void)thread_.release();
  } else {
    stop();
  }
}

std::string Feed::name() const {
  const std::string kernel = "kernel '" + kernel_->name() + "'", queue = "queue '" + queue_->name() + "'";
  return "the feed from " +
         (direction_ == Direction::kToKernel ? queue + " to " + kernel : kernel + " to " + queue);
}

bool Feed::stopping() const {
  return atomic::load_relaxed(&stop_) != 0;  // relaxed: it is looked at again within a wait's slice
}

void Feed::stop() {
  if (process_ != process_number()) return;
  atomic::store_relaxed(&stop_, 1U);
  announce_room(kernel_->port());
  kernel_->port().output.notify();
  wait({});
  if (thread_->joinable()) thread_->join();
}

bool Feed::wait(const Wait& until) {
  return finished_.wait(until, [this] { return done(); });
}

void Feed::run() {
  log::debug({"feed", kernel_->name()}, [&] { return name() + " runs"; });
  try {
    while (!stopping()) direction_ == Direction::kToKernel ? move_to_kernel() : move_to_queue();
    why_ = "it was stopped";
  } catch (const std::exception& error) {
    why_ = error.what();
  }
  log::debug({"feed", kernel_->name()}, [&] { return name() + " has ended: " + why_; });
  // SYNC: partner done(): the text.
  atomic::exchange_seq_cst(&done_, 1U);
  finished_.notify();
}

// One message of the queue, claimed until it lies in the mailbox; of a queue that drops the oldest, which nobody may
// hold, a copy.
void Feed::move_to_kernel() {
  SlotClaim claim{0, 0};
  std::vector<u8> bytes;
  const bool holds = queue_->queue().options().policy != Backpressure::kDropOldest;
  queue_->wait(Side::kReceive, {}, [&] {
    if (stopping()) return true;
    if (!holds) return queue_->try_receive(&bytes);
    claim = queue_->try_peek(1);
    return claim.count != 0;
  });
  if (holds ? !claim.count : stopping() && bytes.empty()) return;
  struct Release {
    NamedQueue& queue;
    SlotClaim claim;
    ~Release() {
      if (claim.count) queue.release(claim);
    }
  } release{*queue_, claim};
  if (holds) {
    const u8* const from = queue_->payload(claim.first);
    bytes.assign(from, from + queue_->size(claim.first));
  }
  Message message{};
  const QueueType& type = queue_->type();
  if (type.content == Content::kAny) {
    if (bytes.size() < sizeof(message.envelope)) return atomic::count(&refused_, 1);  // a hostile peer's
    std::memcpy(&message.envelope, bytes.data(), sizeof(message.envelope));
    message.body.assign(bytes.begin() + sizeof(message.envelope), bytes.end());
  } else {
    message.body = std::move(bytes);
    message.envelope = envelope_of(type.type_id, message.body, fields_);
  }
  put_into_kernel(message);
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
    const QueueType& type = queue_->type();
    const u32 id = message.envelope.type_id;
    queue_->check_message(id, id ? "message type number " + std::to_string(id) : "", message.body.size());
    if (type.fixed_size && message.body.size() != type.fixed_size) {
      throw Error(ErrorKind::kTypeMismatch, "queue '" + queue_->name() + "' carries messages of " +
                                                std::to_string(type.fixed_size) + " bytes, not of " +
                                                std::to_string(message.body.size()));
    }
    const Part envelope{&message.envelope, sizeof(message.envelope)};
    const Part body{message.body.data(), message.body.size()};
    auto put = NamedQueue::Offer::kFull;
    queue_->wait(Side::kSend, {}, [&] {
      put = type.content == Content::kAny ? queue_->try_send({envelope, body}) : queue_->try_send({body});
      return put != NamedQueue::Offer::kFull || stopping();
    });
    return put != NamedQueue::Offer::kFull;
  });
}

void Feed::deliver(const Message& message, const std::function<bool()>& put) {
  try {
    if (put()) return atomic::count(&moved_, 1);
    bury(LetterReason::kClosed, message, name() + " was stopped before there was room");
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
