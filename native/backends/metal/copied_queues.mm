#include "backends/metal/copied_queues.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/metal/driver.h"
#include "backends/metal/instance.h"
#include "core/failure_policy.h"
#include "core/log.h"

namespace ringway::metal {
namespace {

u32 free_slots(const SharedRing& queue) {
  return queue.ring.capacity - queue.depth();
}

u8* payload(const DeviceRing& ring, u32 ticket) {
  return reinterpret_cast<u8*>(raw_payload(ring.slot(ticket)));
}

}  // namespace

u32 ArenaQueues::room(u32 lane, u32 most) {
  std::lock_guard lock(kernel_.queues);
  u32 all = 0;
  for (const auto& replica : kernel_.replicas) all += free_slots(replica->lanes[lane]);
  asked_[lane] = all == 0;
  return std::min(all, most);
}

u64 ArenaQueues::depth() const {
  std::lock_guard lock(kernel_.queues);
  u64 sum = 0;
  for (const auto& replica : kernel_.replicas) {
    for (const SharedRing& lane : replica->lanes) sum += lane.depth();
  }
  return sum;
}

bool ArenaQueues::has_news() {
  bool news = false;
  for (const auto& replica : kernel_.replicas) {
    news |= replica->to_host.depth() != 0;
    for (u32 lane = 0; lane < replica->lanes.size(); ++lane)
      news |= asked_[lane] && free_slots(replica->lanes[lane]) != 0;
  }
  return news;
}

// Each message goes to the replica whose lane has the most room.
void ArenaQueues::copy_in(u32 lane, const QueueRing& from, Claim<QueueAtomics> messages) {
  // A message may name a buffer that a command buffer under way does not know: then it goes with the next one.
  const bool told = kernel_.options.device_polls && kernel_.driver->knows_all_buffers();
  {
    std::lock_guard lock(kernel_.queues);
    const Latency* sent = kernel_.mailbox.lanes()[lane].latency();
    Consumer<QueueAtomics, true> source;
    source.ring = from;
    for (u32 i = 0; i < messages.count; ++i) {
      const u8* const message = payload_at(from, messages.first + i);
      const u32 bytes = source.size(messages.first + i);
      u32 chosen = 0;
      for (u32 r = 1; r < kernel_.replicas.size(); ++r) {
        if (free_slots(kernel_.replicas[r]->lanes[lane]) > free_slots(kernel_.replicas[chosen]->lanes[lane]))
          chosen = r;
      }
      Replica& replica = *kernel_.replicas[chosen];
      SharedRing& queue = replica.lanes[lane];
      if (Latency* latency = kernel_.latency_of(chosen, lane))
        latency->passed_on(replica.lane_tickets[lane] + queue.depth(), *sent, messages.first + i);
      std::memcpy(payload(queue.ring, queue.put), message, bytes);
      Producer<DeviceAtomics, false> put;
      put.ring = queue.ring;
      put.publish(queue.put, bytes, 0);
      queue.put_to(queue.put + 1);
      // SYNC: partner Slice::look_for_mail(): a slice that sees the index sees the slots below it.
      if (told) DeviceAtomics::store_index_before(&queue.ring.header->enqueue, queue.put);
    }
  }
  kernel_.driver->wake(!told);
}

u32 ArenaQueues::copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) {
  u32 copied = 0;
  bool made_room = false;
  {
    std::lock_guard lock(kernel_.queues);
    for (const auto& replica : kernel_.replicas) {
      SharedRing& queue = replica->to_host;
      Consumer<DeviceAtomics, false> take;
      take.ring = queue.ring;
      while (copied < slots.count && queue.depth()) {
        const u8* const message = payload(queue.ring, queue.done);
        const u32 bytes = take.size(queue.done);
        u8* const target = payload_at(to, slots.first + copied);
        if (take.flags(queue.done) & kSlotNote) {
          copied += settle_note(message, bytes, {target, &sizes[copied]});
        } else {
          std::memcpy(target, message, bytes);
          sizes[copied++] = bytes;
        }
        take.release(queue.done++);
        made_room = true;
      }
    }
  }
  if (made_room) kernel_.driver->wake(false);
  return copied;
}

bool ArenaQueues::answer_error(const Envelope& request, ErrorKind kind, std::string_view text,
                               std::vector<u8>* to) const {
  if (request.sender == kNoEndpoint) return false;
  Envelope answer{};
  fresh_id(answer.message_id);
  std::memcpy(answer.correlation_id, request.message_id, sizeof(answer.correlation_id));
  answer.timestamp_us = unix_us();
  answer.sequence = request.sequence;  // of the cell
  answer.sender = i32(kernel_.index);
  answer.receiver = request.sender;
  answer.type_id = u32(kind);
  answer.priority = request.priority;
  answer.flags = kEnvelopeError;
  const std::size_t room = kernel_.outbox.max_message() - sizeof(answer);
  to->resize(sizeof(answer) + std::min(text.size(), room));
  std::memcpy(to->data(), &answer, sizeof(answer));
  std::memcpy(to->data() + sizeof(answer), text.data(), to->size() - sizeof(answer));
  return true;
}

bool ArenaQueues::settle_note(const u8* message, u32 bytes, Target to) {
  SliceNote note;
  std::memcpy(&note, message, sizeof(note));
  const u8* body = message + sizeof(note);
  u32 left = bytes - u32(sizeof(note));
  Envelope envelope{};
  if (note.enveloped) {
    std::memcpy(&envelope, body, sizeof(envelope));
    body += sizeof(envelope);
    left -= u32(sizeof(envelope));
  }
  LetterReason reason = LetterReason::kFailed;
  ErrorKind kind = ErrorKind::kHandler;
  std::string text;
  switch (note.reason) {
    case kNoteExpired:
      reason = LetterReason::kExpired;
      kind = ErrorKind::kTimeout;
      text = "message " + text_of_id(envelope.message_id) + " for kernel '" + kernel_.name +
             "' expired: it waited for longer than its time to live of " +
             std::to_string(envelope.ttl_10ms * 10U) + " ms";
      break;
    case kNoteDuplicate:
      reason = LetterReason::kDuplicate;
      kind = ErrorKind::kDuplicate;
      text = "message " + text_of_id(envelope.message_id) + " for kernel '" + kernel_.name +
             "' is a duplicate: its id is among the last " + std::to_string(kernel_.options.dedup) +
             " that the kernel has taken";
      break;
    case kNoteClosed:
      reason = LetterReason::kClosed;
      text = "the kernel has no such output, or its receiver has ended";
      break;
    case kNoteTooLarge:
      reason = LetterReason::kTooLarge;
      text = std::to_string(note.bytes) + " bytes do not fit the output's slots";
      break;
    case kNoteAnswerTooLarge:
      text = "the answer of " + std::to_string(note.bytes) + " bytes is larger than the slots of kernel '" +
             kernel_.name + "', which hold " +
             std::to_string(kernel_.outbox.max_message() - u32(sizeof(Envelope))) +
             "; launch with LaunchOptions(slot_size=...)";
      break;
    default: {
      ErrorText of_number;
      text_of_error(kernel_.entry->type, note.error, of_number);
      text = of_number;
      log::warning({"message failed", kernel_.name, kernel_.services->runtime},
                   [&] { return "kernel '" + kernel_.name + "' failed on a message: " + text; });
    }
  }
  std::vector<u8> answer;
  if (note.reason == kNoteAnswerTooLarge) {
    Envelope request{};  // as the answer names it
    request.sender = envelope.receiver;
    request.sequence = envelope.sequence;
    request.priority = envelope.priority;
    std::memcpy(request.message_id, envelope.correlation_id, sizeof(request.message_id));
    answer_error(request, ErrorKind::kMessageTooLarge, text, &answer);
  } else {
    const bool sent = note.reason == kNoteClosed || note.reason == kNoteTooLarge;
    if (note.enveloped && !sent) answer_error(envelope, kind, text, &answer);
    if (left < note.bytes) text += " (this copy is cut off after " + std::to_string(left) + " bytes)";
    kernel_.dead_letters.add(reason, note.enveloped ? &envelope : nullptr, {body, left}, text);
    // Behind it: who sees the count finds the letter.
    ControlBlock& told = atomic::load_relaxed(&kernel_.telemetry) ? kernel_.told : kernel_.told_unseen;
    if (sent) atomic::count(&told.dropped_closed, 1);
    if (note.reason == kNoteExpired) atomic::count(&told.dropped_expired, 1);
    if (note.reason == kNoteDuplicate) atomic::count(&told.dropped_duplicate, 1);
  }
  if (answer.empty()) return false;
  std::memcpy(to.bytes, answer.data(), answer.size());
  *to.size = u32(answer.size());
  return true;
}

}  // namespace ringway::metal
