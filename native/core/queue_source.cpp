#include "core/queue_source.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "core/error.h"
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

}  // namespace

void QueueSource::check_taker(const Kernel& kernel) const {
  const QueueType& type = queue_->type();
  const auto taker = kernel.type();
  const auto& accepts = taker->accepts;
  if (type.content == Content::kAny || accepts.empty()) return;
  if (type.content == Content::kMessage &&
      std::any_of(accepts.begin(), accepts.end(),
                  [&](const std::string& name) { return type_id_of(name) == type.type_id; })) {
    return;
  }
  std::string names;
  for (const std::string& name : accepts) names += (names.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::kTypeMismatch, "queue '" + queue_->name() + "' carries " +
                                            (type.name.empty() ? "bytes" : type.name) + ", but kernel '" +
                                            kernel.name() + "' accepts " + names);
}

QueueSource::Took QueueSource::take(Message* message, const std::function<bool()>& stopping) {
  std::vector<u8> bytes;
  bool copied = false;
  const bool holds = queue_->queue().options().policy != Backpressure::kDropOldest;
  queue_->wait(NamedQueue::Side::kReceive, {}, [&] {
    if (stopping()) return true;
    if (!holds) return copied = queue_->try_receive(&bytes);
    claim_ = queue_->try_peek(1);
    return claim_.count != 0;
  });
  if (!claim_.count && !copied) return Took::kNothing;
  if (claim_.count) {
    const u8* const from = queue_->payload(claim_.first);
    bytes.assign(from, from + queue_->size(claim_.first));
  }
  const QueueType& type = queue_->type();
  if (type.content != Content::kAny) {
    message->body = std::move(bytes);
    message->envelope = envelope_of(type.type_id, message->body, fields_);
    return Took::kMessage;
  }
  if (bytes.size() < sizeof(message->envelope)) return Took::kMalformed;
  std::memcpy(&message->envelope, bytes.data(), sizeof(message->envelope));
  message->body.assign(bytes.begin() + sizeof(message->envelope), bytes.end());
  return Took::kMessage;
}

void QueueSource::let_go() {
  if (claim_.count) queue_->release(std::exchange(claim_, {0, 0}));
}

}  // namespace ringway
