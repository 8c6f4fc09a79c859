#include "core/sliced_queues.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/failure_policy.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/sliced_kernel.h"

namespace ringway {
namespace {

u8* payload(const DeviceRing& ring, u32 ticket) {
  return reinterpret_cast<u8*>(raw_payload(ring.slot(ticket)));
}

}  // namespace

u32 SlicedQueues::room(u32 lane, u32 most) {
  const bool open = kernel_.is_open();
  std::lock_guard lock(kernel_.queues);
  u32 all = 0;
  for (SlicedReplica* replica : kernel_.parts) all += !open ? 0 : replica->lanes[lane].room();
  asked_[lane] = all == 0;
  return std::min(all, most);
}

u64 SlicedQueues::depth() const {
  std::lock_guard lock(kernel_.queues);
  u64 sum = 0;
  for (SlicedReplica* replica : kernel_.parts) {
    for (const SharedRing& lane : replica->lanes) sum += lane.depth();
  }
  return sum;
}

bool SlicedQueues::has_news() {
  bool news = !off_.empty();
  for (SlicedReplica* replica : kernel_.parts) {
    news |= replica->to_host.depth() != 0;
    for (u32 lane = 0; lane < replica->lanes.size(); ++lane)
      news |= asked_[lane] && replica->lanes[lane].room() != 0;
  }
  return news;
}

// Each message goes to the replica whose lane has the most room.
void SlicedQueues::copy_in(u32 lane, const QueueRing& from, Claim<QueueAtomics> messages) {
  const bool told = kernel_.tells_slices();
  {
    std::lock_guard lock(kernel_.queues);
    const Latency* sent = kernel_.mailbox.lanes()[lane].latency();
    Consumer<QueueAtomics, true> source;
    source.ring = from;
    for (u32 i = 0; i < messages.count; ++i) {
      const u8* const message = payload_at(from, messages.first + i);
      const u32 bytes = source.size(messages.first + i);
      u32 chosen = 0;
      for (u32 r = 1; r < kernel_.parts.size(); ++r) {
        if (kernel_.parts[r]->lanes[lane].room() > kernel_.parts[chosen]->lanes[lane].room()) chosen = r;
      }
      SlicedReplica& replica = *kernel_.parts[chosen];
      SharedRing& queue = replica.lanes[lane];
      if (Latency* latency = kernel_.latency_of(chosen, lane))
        latency->passed_on(replica.lane_tickets[lane] + queue.depth(), *sent, messages.first + i);
      std::memcpy(payload(queue.ring, queue.put), message, bytes);
      Producer<HostLinkAtomics, false> put;
      put.ring = queue.ring;
      put.publish(queue.put, bytes, 0);
      queue.put_to(queue.put + 1);
      // SYNC: partner look_for_mail() of Metal: a slice that sees the index sees the slots below it.
      if (told) HostLinkAtomics::store_index_before(&queue.ring.header->enqueue, queue.put);
    }
  }
  kernel_.moved(!told);
}

u32 SlicedQueues::copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) {
  u32 copied = 0;
  bool made_room = false;
  {
    std::lock_guard lock(kernel_.queues);
    if (held_back_) return 0;
    for (; copied < slots.count && !off_.empty(); off_.pop_front()) {
      const Taken& next = off_.front();
      const Target target{payload_at(to, slots.first + copied), &sizes[copied]};
      copied += hand_out(next.bytes.data(), u32(next.bytes.size()), next.flags, target);
    }
    for (SlicedReplica* replica : kernel_.parts) {
      SharedRing& queue = replica->to_host;
      Consumer<HostLinkAtomics, false> take;
      take.ring = queue.ring;
      while (copied < slots.count && queue.depth()) {
        const Target target{payload_at(to, slots.first + copied), &sizes[copied]};
        copied +=
            hand_out(payload(queue.ring, queue.done), take.size(queue.done), take.flags(queue.done), target);
        take.release(queue.done++);
        made_room = true;
      }
    }
  }
  if (made_room) kernel_.moved(false);
  return copied;
}

bool SlicedQueues::hand_out(const u8* message, u32 bytes, u32 flags, Target to) {
  if (flags & kSlotNote) return settle_note(message, bytes, to);
  std::memcpy(to.bytes, message, bytes);
  *to.size = bytes;
  return true;
}

void SlicedQueues::take_off(LetterReason reason, const std::string& text) {
  left_reason_ = reason;
  left_text_ = text;
  for (SlicedReplica* replica : kernel_.parts) {
    SharedRing& queue = replica->to_host;
    Consumer<HostLinkAtomics, false> take;
    take.ring = queue.ring;
    for (; queue.depth(); take.release(queue.done++)) {
      const u8* const message = payload(queue.ring, queue.done);
      const u32 bytes = take.size(queue.done), flags = take.flags(queue.done);
      // A letter is added at once; nobody is answered for what came by a link.
      if (flags & kSlotNote && reinterpret_cast<const SliceNote*>(message)->reason == kNoteLeft) {
        settle_note(message, bytes, {});
      } else {
        off_.push_back({flags, {message, message + bytes}});
      }
    }
  }
}

bool SlicedQueues::answer_error(const Envelope& request, ErrorKind kind, std::string_view text,
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

bool SlicedQueues::settle_note(const u8* message, u32 bytes, Target to) {
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
    case kNoteLeft:
      reason = left_reason_;
      text = left_text_;
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
             kernel_.name + "', which hold " + std::to_string(kernel_.most_to_host - u32(sizeof(Envelope))) +
             "; launch with LaunchOptions(slot_size=...)";
      break;
    default: {
      ErrorText of_number;
      text_of_error(kernel_.type, note.error, of_number);
      text = of_number;
      log::warning({"message failed", kernel_.name, kernel_.services.runtime},
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
    const bool is_left = note.reason == kNoteLeft;
    left_ += is_left;
    if (sent || is_left) atomic::count(&told.dropped_closed, 1);
    if (note.reason == kNoteExpired) atomic::count(&told.dropped_expired, 1);
    if (note.reason == kNoteDuplicate) atomic::count(&told.dropped_duplicate, 1);
  }
  if (answer.empty()) return false;
  std::memcpy(to.bytes, answer.data(), answer.size());
  *to.size = u32(answer.size());
  return true;
}

}  // namespace ringway
