#include "core/bridge.h"

#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include "core/log.h"
#include "core/pump.h"
#include "core/record/recorder.h"

namespace ringway {

using atomic::count;
using atomic::load_relaxed;

namespace {

Envelope envelope_at(const QueueRing& ring, u64 ticket) {
  Envelope envelope;
  std::memcpy(&envelope, payload_at(ring, ticket), sizeof(envelope));
  return envelope;
}

// What ReplyPool::begin() looks for, from the answer.
Envelope request_of(const Envelope& answer) {
  Envelope request{};
  request.sender = answer.receiver;
  request.sequence = answer.sequence;
  std::memcpy(request.message_id, answer.correlation_id, sizeof(request.message_id));
  return request;
}

bool same_id(const Envelope& answer, const Envelope& request) {
  return std::memcmp(answer.correlation_id, request.message_id, sizeof(request.message_id)) == 0;
}

}  // namespace

Bridge::Bridge(Pump& pump, ReplyPool& replies, const std::shared_ptr<Port>& port, DeviceQueues& device,
               u32 staging_capacity)
    : pump_(pump),
      replies_(replies),
      port_(port),
      device_(device),
      returns_({.name = port->outbox.name() + ", staged",
                .capacity = staging_capacity,
                .max_message = port->outbox.max_message(),
                .type = {},
                .prefault = port->outbox.options().prefault}) {
  for (const Queue& lane : port->mailbox.lanes()) staged_.emplace_back().open(lane.ring());
  put_.open(returns_.ring());
  take_.open(returns_.ring());
  host_.open(port->outbox.ring());
  pump_.start();
}

void Bridge::wake() {
  pump_.wake(*this);
}

bool Bridge::turn() {
  const auto port = port_.lock();
  if (!port) return false;
  std::lock_guard lock(busy_);
  try {
    // SYNC: partner fail(): the text of a handler's failure.
    if (!ended_ && atomic::load_seq_cst(&port->failed)) {
      while (move_out(*port)) {  // what it had answered before it failed
      }
      end_locked(*port, port->failure_kind, "the kernel failed: " + port->failure);
    }
    const bool in = !shut_ && move_in(*port);
    const bool out = move_out(*port);
    return in || out;
  } catch (const std::exception& error) {
    fail(*port, error.what());
  } catch (...) {
    fail(*port, "unknown exception");
  }
  return false;
}

bool Bridge::move_in(Port& port) {
  bool moved = false;
  for (u32 lane = 0; lane < staged_.size(); ++lane) moved |= move_in(port, lane);
  return moved;
}

bool Bridge::move_in(Port& port, u32 lane) {
  Consumer<QueueAtomics, true>& staged = staged_[lane];
  const u32 room = device_.room(lane, kBatch);
  if (!room) {
    if (port.mailbox.lanes()[lane].counts().depth) count(&in_full_, 1);
    return false;
  }
  const auto claim = staged.peek(room);
  if (!claim.count) return false;
  try {
    remember(staged.ring, claim);
    device_.copy_in(lane, staged.ring, claim);
  } catch (...) {
    for (u32 i = 0; i < claim.count; ++i) {
      bury(port, lane, claim.first + i, LetterReason::kFailed,
           "the bridge failed while it carried the message");
    }
    staged.release_n(claim);
    count(&discarded_, claim.count);
    throw;
  }
  staged.release_n(claim);
  count(&to_device_, claim.count);
  announce_room(port);
  return true;
}

void Bridge::remember(const QueueRing& ring, Claim<QueueAtomics> messages) {
  for (u32 i = 0; i < messages.count; ++i) {
    const Envelope envelope = envelope_at(ring, messages.first + i);
    if (envelope.sender != kNoEndpoint) asked_[envelope.sender] = envelope;
  }
}

bool Bridge::move_out(Port& port) {
  bool moved = false;
  const auto slots = put_.reserve(kBatch);
  if (slots.count) {
    u32 sizes[kBatch];
    const u32 got = device_.copy_out(put_.ring, slots, sizes);
    for (u32 i = 0; i < got; ++i) put_.publish(slots.first + i, sizes[i], 0);
    put_.next = slots.first + got;  // nobody else puts: the rest of the claim is free again
    count(&to_host_, got);
    moved = got != 0;
  }
  bool announce = false;
  for (;;) {
    const auto claim = take_.peek(1);
    if (!claim.count) break;
    const bool outside = envelope_at(take_.ring, claim.first).receiver == kNoEndpoint;
    if (!deliver(port, claim.first)) {
      take_.next = claim.first;
      count(&out_full_, 1);
      break;
    }
    take_.release(claim.first);
    announce |= outside;
    moved = true;
  }
  if (announce) announce_output(port);
  return moved;
}

// False: there is no room in the queue to the host; who receives from it wakes this bridge.
bool Bridge::deliver(Port& port, u64 ticket) {
  const u8* const message = payload_at(take_.ring, ticket);
  const u32 bytes = take_.size(ticket);
  const Envelope envelope = envelope_at(take_.ring, ticket);
  if (envelope.receiver != kNoEndpoint) {
    give(envelope, message + sizeof(Envelope), bytes - u32(sizeof(Envelope)));
    return true;
  }
  if (put_outside(port, message, bytes)) return true;
  // SYNC: partner Port::take_held_back(), after a slot was released: it sees the mark, or this one, which comes behind
  // it, sees the slot.
  atomic::exchange_seq_cst(&port.held_back, 1U);
  return put_outside(port, message, bytes);
}

bool Bridge::put_outside(const Port& port, const u8* message, u32 bytes) {
  const auto slot = host_.reserve(1);
  if (!slot.count) return false;
  std::memcpy(payload_at(host_.ring, slot.first), message, bytes);
  if (port.recorder && port.recorder->on()) {
    port.recorder->sent(port.index, slot.first, envelope_at(host_.ring, slot.first),
                        message + sizeof(Envelope), bytes - u32(sizeof(Envelope)));
  }
  host_.publish(slot.first, bytes, 0);
  host_.show();
  return true;
}

void Bridge::give(const Envelope& answer, const u8* body, u32 bytes) {
  const auto asked = asked_.find(answer.receiver);
  if (asked != asked_.end() && same_id(answer, asked->second)) asked_.erase(asked);
  ReplyPool::Cell* const cell = replies_.begin(request_of(answer), bytes);
  if (!cell) {
    count(&late_, 1);
    return;
  }
  if (bytes) std::memcpy(ReplyPool::body(cell), body, bytes);
  Envelope delivered = answer;
  delivered.sequence = 0;  // it was the cell's generation
  replies_.finish(cell, delivered, bytes);
}

void Bridge::answer_error(const Envelope& request, ErrorKind kind, const std::string& text) {
  if (request.sender == kNoEndpoint) return;
  Envelope answer{};
  fresh_id(answer.message_id);
  std::memcpy(answer.correlation_id, request.message_id, sizeof(answer.correlation_id));
  answer.timestamp_us = unix_us();
  answer.sequence = request.sequence;
  answer.receiver = request.sender;
  answer.type_id = u32(kind);
  answer.priority = request.priority;
  answer.flags = kEnvelopeError;
  give(answer, reinterpret_cast<const u8*>(text.data()), u32(text.size()));
}

void Bridge::bury(Port& port, u32 lane, u64 ticket, LetterReason reason, const std::string& text) {
  const Consumer<QueueAtomics, true>& staged = staged_[lane];
  const Envelope envelope = envelope_at(staged.ring, ticket);
  const u8* const body = payload_at(staged.ring, ticket) + sizeof(Envelope);
  port.dead_letters.add(reason, &envelope, {body, staged.size(ticket) - sizeof(Envelope)}, text);
}

void Bridge::shut() {
  std::lock_guard lock(busy_);
  shut_ = true;
}

u64 Bridge::end(ErrorKind kind, const std::string& text) {
  const auto port = port_.lock();
  std::lock_guard lock(busy_);
  try {
    while (move_out(*port)) {
    }
  } catch (const std::exception& error) {
    fail(*port, error.what());
  }
  return end_locked(*port, kind, text);
}

u64 Bridge::end_locked(Port& port, ErrorKind kind, const std::string& text) {
  shut_ = ended_ = true;
  const auto asked = std::exchange(asked_, {});
  for (const auto& [cell, request] : asked) answer_error(request, kind, text);
  const auto reason = kind == ErrorKind::kClosed ? LetterReason::kTerminated : LetterReason::kFailed;
  u64 left = 0;
  // A sender that has claimed a slot is about to publish it.
  while (port.mailbox.counts().depth) {
    u64 taken = 0;
    for (u32 lane = 0; lane < staged_.size(); ++lane) {
      const auto claim = staged_[lane].peek(kBatch);
      for (u32 i = 0; i < claim.count; ++i) {
        answer_error(envelope_at(staged_[lane].ring, claim.first + i), kind, text);
        bury(port, lane, claim.first + i, reason, text);
      }
      staged_[lane].release_n(claim);
      taken += claim.count;
    }
    left += taken;
    if (!taken) std::this_thread::yield();
  }
  count(&discarded_, left);
  announce_room(port);
  announce_output(port);
  return left;
}

void Bridge::fail(Port& port, const char* why) noexcept {
  try {
    const std::string text = std::string("its bridge failed: ") + why;
    if (ringway::fail(port, text.c_str()))
      log::warning({"failed"}, [&] { return port.mailbox.lanes()[0].name() + ": " + text; });
    end_locked(port, ErrorKind::kHandler, "the kernel failed: " + port.failure);
  } catch (...) {  // no memory for the texts: the state says it, and requests run into their time-outs
    atomic::exchange_seq_cst(&port.failed, 1U);  // SYNC: partner Kernel::state()
  }
}

bool Bridge::staged() {
  const auto port = port_.lock();
  std::lock_guard lock(busy_);
  return port->mailbox.counts().depth != 0;
}

BridgeCounts Bridge::counts() const {
  BridgeCounts all{load_relaxed(&to_device_),
                   load_relaxed(&to_host_),
                   load_relaxed(&in_full_),
                   load_relaxed(&out_full_),
                   load_relaxed(&late_),
                   load_relaxed(&discarded_),
                   0};
  const auto port = port_.lock();
  if (!port) return all;
  // What was put less what has left, so that a message is counted also while it is being copied.
  const u64 gone = all.to_device + all.discarded + port->mailbox.counts().dropped_oldest;
  u64 put = 0;
  for (const Queue& lane : port->mailbox.lanes())
    put += QueueAtomics::load_index(&lane.ring().header->enqueue);
  all.depth = (put > gone ? put - gone : 0) + device_.depth();
  return all;
}

bool Bridge::delivered(u64 sent) const {
  return load_relaxed(&to_host_) == sent && returns_.counts().depth == 0;
}

}  // namespace ringway
