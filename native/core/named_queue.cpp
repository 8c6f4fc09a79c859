#include "core/named_queue.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "core/process.h"
#include "core/record/recorder.h"

namespace ringway {
namespace {

using Put = Producer<QueueAtomics, true>;
using Take = Consumer<QueueAtomics, true>;

constexpr u32 kSpins = 200;
constexpr u32 kYields = 20;
constexpr int kDropAttempts = 4;  // others may fill the slot that was freed

Put put_side(const QueueRing& ring) {
  Put side;
  side.open(ring);
  return side;
}

Take take_side(const QueueRing& ring) {
  Take side;
  side.open(ring);
  return side;
}

}  // namespace

// Counted as inside the queue: see (2) in the header.
class NamedQueue::Entry {
 public:
  explicit Entry(NamedQueue& queue) : queue_(queue) {
    // SYNC: partner ended(): it sees this sender, or this sees that the queue is closed.
    atomic::add_seq_cst(&queue.inside_, 1U);
    if (!queue.closed()) return;
    leave();
    queue.throw_closed();
  }
  ~Entry() { leave(); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  void leave() {
    // SYNC: partner ended(): what was published before is seen by who finds nobody inside.
    atomic::sub_seq_cst(&queue_.inside_, 1U);
    if (queue_.closed()) queue_.tell(Side::kReceive);
  }
  NamedQueue& queue_;
};

NamedQueue::NamedQueue(Queue queue, QueueType type, double block_timeout, u32 dead_letters)
    : queue_(std::move(queue)),
      type_(std::move(type)),
      block_timeout_(block_timeout),
      process_(process_number()),
      dead_letters_(dead_letters) {}

u32 NamedQueue::max_message() const {
  return queue_.max_message() - (type_.content == Content::kAny ? u32(sizeof(Envelope)) : 0);
}

NamedCounts NamedQueue::counts() const {
  QueueHeader<QueueAtomics>* header = queue_.ring().header;
  const QueueCounts raw = queue_.counts();
  // Relaxed: each is right by itself; together they are of slightly different times.
  const u64 skipped = atomic::load_relaxed(&skipped_), passed = atomic::load_relaxed(&skips_received_);
  const u64 put = QueueAtomics::load_index(&header->enqueue),
            taken = QueueAtomics::load_index(&header->dequeue);
  const u64 gone = raw.dropped_oldest + passed, empty = skipped - std::min(skipped, passed);
  return {raw.depth - std::min(raw.depth, empty),
          put > skipped ? put - skipped : 0,
          taken > gone ? taken - gone : 0,
          raw.dropped_new,
          raw.dropped_oldest,
          raw.refused_full + raw.refused_size};
}

QueueTelemetry& QueueTelemetry::operator-=(const QueueTelemetry& before) {
  // The parts of a snapshot are of slightly different times, so that one may be behind an earlier one's.
  const auto subtract = [](u64* from, u64 then) { *from -= std::min(*from, then); };
  subtract(&counts.sent, before.counts.sent);
  subtract(&counts.received, before.counts.received);
  subtract(&counts.dropped_new, before.counts.dropped_new);
  subtract(&counts.dropped_oldest, before.counts.dropped_oldest);
  subtract(&counts.refused, before.counts.refused);
  subtract(&counts.skipped, before.counts.skipped);
  subtract(&counts.redelivered, before.counts.redelivered);
  latency -= before.latency;
  return *this;
}

QueueTelemetry NamedQueue::counted() const {
  return {counts(), queue_.ring().capacity, atomic::load_relaxed(last_message_us_),
          snapshot(queue_.latency())};
}

void NamedQueue::enable_telemetry(bool on) {
  // A stamp that was not looked at while this was off would count for a later message in its slot.
  if (on && !telemetry_enabled() && queue_.latency()) queue_.latency()->forget_sent();
  atomic::store_relaxed(&telemetry_, u32(on));
}

void NamedQueue::time_sent(u64 first, u32 n) {
  if (!telemetry_enabled() || !n) return;
  if (Latency* latency = queue_.latency()) latency->sent(first, n);
  const u64 now = coarse_unix_us();
  // Relaxed: for people. Written only when it changes, so that senders do not take the line from each other.
  if (atomic::load_relaxed(last_message_us_) != now) atomic::store_relaxed(last_message_us_, now);
}

void NamedQueue::time_received(u64 first, u32 n) {
  Latency* const latency = queue_.latency();
  if (latency && telemetry_enabled()) latency->handled(first, n);
}

void NamedQueue::check_message(u32 type_id, const std::string& type_name, std::size_t bytes) {
  const bool belongs = type_.content == Content::kAny ||
                       (type_.content != Content::kMessage ? type_id == 0 : type_id == type_.type_id);
  if (!belongs) {
    throw Error(ErrorKind::kTypeMismatch, "queue '" + name() + "' carries " +
                                              (type_.name.empty() ? "bytes" : type_.name) + ", not " +
                                              (type_name.empty() ? "bytes" : type_name));
  }
  if (bytes <= max_message()) return;
  QueueAtomics::add_index(&queue_.ring().header->refused_size, 1);
  throw Error(ErrorKind::kMessageTooLarge, "a message of " + std::to_string(bytes) + " bytes (" +
                                               (type_name.empty() ? "plain bytes" : type_name) +
                                               ") does not fit queue '" + name() + "', whose slots hold " +
                                               std::to_string(max_message()) +
                                               "; create the queue with slot_size=...");
}

void NamedQueue::check_fixed(const char* verb) const {
  if (type_.fixed_size) return;
  const std::string carried = type_.content == Content::kAny     ? "any message"
                              : type_.content == Content::kBytes ? "bytes of any length"
                                                                 : type_.name + " in object form";
  throw Error(ErrorKind::kTypeMismatch,
              std::string(verb) + " moves arrays of messages of one fixed layout, but queue '" + name() +
                  "' carries " + carried +
                  "; create it with message= a class of @message(layout=\"struct\") or a NumPy dtype");
}

bool NamedQueue::forked() const {
  return process_ != process_number();
}

void NamedQueue::check_usable() const {
  if (!forked()) return;
  throw Error(
      ErrorKind::kForked,
      "queue '" + name() +
          "' was created before fork(); what the child puts there its parent never sees: create a new "
          "one in the child");
}

void NamedQueue::check_in_place() const {
  if (queue_.options().policy != Backpressure::kDropOldest) return;
  throw Error(ErrorKind::kInvalidState,
              "queue '" + name() +
                  "' drops the oldest message, so that nobody may hold its slots; use send_many and "
                  "receive_many, or another policy");
}

u32 NamedQueue::first_skipped(u64 first, u32 n) const {
  // Relaxed: a slot that was seen published as skipped was counted before.
  if (!atomic::load_relaxed(&skipped_)) return n;
  const Take side = take_side(queue_.ring());
  u32 i = 0;
  while (i < n && !(side.flags(first + i) & kSlotSkipped)) ++i;
  return i;
}

SlotClaim NamedQueue::claim(Side side, u32 n, bool one_run, u32* room) {
  const QueueRing& ring = queue_.ring();
  const bool sends = side == Side::kSend;
  u64* const index = sends ? &ring.header->enqueue : &ring.header->dequeue;
  // Relaxed, as in claim_shared(): a stale ticket is found out by its slot or by the compare-exchange.
  u64 first = QueueAtomics::load_index(index);
  for (;;) {
    const u32 to_end = ring.capacity - (u32(first) & (ring.capacity - 1));
    const u32 ready = ready_run(ring, first, one_run ? std::min(n, to_end) : n, sends ? 0 : 1);
    if (!ready) {
      const u64 now = QueueAtomics::load_index(index);
      if (now == first && !(sends && pass_oldest_skipped())) return {first, 0};
      first = now;
      continue;
    }
    const u32 messages = sends ? ready : first_skipped(first, ready);
    const u32 take = messages ? messages : 1;
    if (room && messages && size(first) > *room) {
      *room = size(first);
      return {first, 0};
    }
    // SYNC: relaxed: it only makes the tickets ours; order comes from the slots, in ready_run().
    if (!QueueAtomics::claim_index(index, &first, first + take)) continue;
    if (messages) return {first, messages};
    pass_skipped({first, take});
    first += take;
  }
}

void NamedQueue::pass_skipped(SlotClaim claim) {
  atomic::add_relaxed(&skips_received_, u64(claim.count));  // relaxed: a count
  take_side(queue_.ring()).release_n(claim);
  settled(Side::kReceive, claim);
}

bool NamedQueue::pass_oldest_skipped() {
  const QueueRing& ring = queue_.ring();
  u64 first = QueueAtomics::load_index(&ring.header->dequeue);
  if (!ready_run(ring, first, 1, 1) || first_skipped(first, 1)) return false;
  // SYNC: relaxed: as in claim(). A failure means that a receiver was quicker.
  if (QueueAtomics::claim_index(&ring.header->dequeue, &first, first + 1)) pass_skipped({first, 1});
  return true;
}

void NamedQueue::settled(Side side, SlotClaim) {
  tell(side == Side::kSend ? Side::kReceive : Side::kSend);
  if (side == Side::kReceive && closed()) tell(Side::kReceive);  // it may have been the last message
}

void NamedQueue::tell(Side side) {
  Waiters& told = waiters(side);
  told.signal.notify();
  told.watchers.tell();
}

bool NamedQueue::drop_one() {
  const QueueRing& ring = queue_.ring();
  const u64 ticket = put_side(ring).blocked();
  if (!take_oldest(ring, ticket)) return false;
  const u64 oldest = ticket - ring.capacity;
  if (records()) record(RecordKind::kQueueDrop, oldest, 0);
  if (first_skipped(oldest, 1)) {
    bury(LetterReason::kDropOldest, payload(oldest), size(oldest));
    free_oldest(ring, ticket);
  } else {
    pass_skipped({oldest, 1});
  }
  return true;
}

SlotClaim NamedQueue::claim_by_policy(u32 n) {
  SlotClaim made = claim(Side::kSend, n, false, nullptr);
  if (queue_.options().policy != Backpressure::kDropOldest) return made;
  for (int attempt = 0; attempt < kDropAttempts && !made.count; ++attempt) {
    drop_one();
    made = claim(Side::kSend, n, false, nullptr);
  }
  return made;
}

NamedQueue::Offer NamedQueue::try_send(std::initializer_list<Part> parts) {
  check_usable();
  const Entry inside(*this);
  const SlotClaim made = claim_by_policy(1);
  if (!made.count) {
    const Backpressure policy = queue_.options().policy;
    if (policy == Backpressure::kBlock || policy == Backpressure::kReject) return Offer::kFull;
    QueueAtomics::add_index(&queue_.ring().header->dropped_new, 1);
    bury(parts);
    return Offer::kDropped;
  }
  u8* to = payload(made.first);
  u32 bytes = 0;
  for (const Part& part : parts) {
    if (part.bytes) std::memcpy(to + bytes, part.data, part.bytes);
    bytes += u32(part.bytes);
  }
  if (records()) record(RecordKind::kQueueIn, made.first, bytes);
  time_sent(made.first, 1);
  put_side(queue_.ring()).publish(made.first, bytes, 0);
  settled(Side::kSend, made);
  return Offer::kSent;
}

bool NamedQueue::send(std::initializer_list<Part> parts, const Patience& patience) {
  Offer made = try_send(parts);
  if (made == Offer::kFull && queue_.options().policy == Backpressure::kBlock) {
    wait(Side::kSend, Wait::seconds(patience.seconds, patience.check),
         [&] { return (made = try_send(parts)) != Offer::kFull; });
  }
  if (made == Offer::kFull) refuse(1, patience);
  return made == Offer::kSent;
}

u32 NamedQueue::try_send_many(const u8* first, std::ptrdiff_t stride, u32 n, u32* dropped) {
  check_usable();
  const Entry inside(*this);
  const QueueRing& ring = queue_.ring();
  const Backpressure policy = queue_.options().policy;
  Put side = put_side(ring);
  u32 done = 0;
  while (done < n) {
    const SlotClaim made = claim_by_policy(n - done);
    if (!made.count) {
      if (policy == Backpressure::kBlock || policy == Backpressure::kReject) break;
      const u32 lost = policy == Backpressure::kDropNew ? n - done : 1;
      QueueAtomics::add_index(&ring.header->dropped_new, lost);
      const u32 passed = lost - std::min(lost, dead_letters_.capacity());
      dead_letters_.pass(passed);
      for (u32 i = passed; i < lost; ++i) bury(LetterReason::kDropNew, first + stride * i, type_.fixed_size);
      *dropped += lost;
      done += lost;
      first += stride * lost;
      continue;
    }
    time_sent(made.first, made.count);
    for (u32 i = 0; i < made.count; ++i, first += stride) {
      std::memcpy(payload(made.first + i), first, type_.fixed_size);
      if (records()) record(RecordKind::kQueueIn, made.first + i, type_.fixed_size);
      side.publish(made.first + i, type_.fixed_size, 0);
    }
    settled(Side::kSend, made);
    done += made.count;
  }
  return done;
}

void NamedQueue::refuse(u64 messages, const Patience& patience) {
  QueueAtomics::add_index(&queue_.ring().header->refused_full, messages);
  const bool blocked = queue_.options().policy == Backpressure::kBlock;
  throw Error(ErrorKind::kQueueFull,
              "queue '" + name() + "' is full (" + std::to_string(queue_.ring().capacity) + " messages, " +
                  (blocked ? "no room " + patience.text() : std::string("policy 'reject'")) +
                  "); receive from it, or " +
                  (blocked ? patience.remedy("create it with")
                           : std::string("create it with more capacity or another policy")));
}

u32 NamedQueue::size(u64 ticket) const {
  return queue_.bytes_of(ticket);
}

bool NamedQueue::try_receive(std::vector<u8>* message) {
  check_receivable();
  // Room first: memory that is missing after the claim would lose the message.
  for (u32 wanted = queue_.bytes_of(QueueAtomics::load_index(&queue_.ring().header->dequeue));;) {
    message->reserve(wanted);
    const u32 room = u32(std::min<std::size_t>(message->capacity(), queue_.max_message()));
    wanted = room;
    const SlotClaim made = claim(Side::kReceive, 1, false, &wanted);
    if (!made.count && wanted <= room) return nothing();
    if (!made.count) continue;
    const u8* from = payload(made.first);
    message->assign(from, from + size(made.first));
    release(made);
    return true;
  }
}

u32 NamedQueue::try_receive_many(u8* first, std::ptrdiff_t stride, u32 n) {
  check_receivable();
  Take side = take_side(queue_.ring());
  u32 done = 0;
  while (done < n) {
    const SlotClaim made = claim(Side::kReceive, n - done, false, nullptr);
    if (!made.count) break;
    if (records()) record_taken(made);
    time_received(made.first, made.count);
    for (u32 i = 0; i < made.count; ++i, first += stride) {
      std::memcpy(first, payload(made.first + i), type_.fixed_size);
      side.release(made.first + i);
    }
    settled(Side::kReceive, made);
    done += made.count;
  }
  return done ? done : nothing();
}

SlotClaim NamedQueue::try_reserve(u32 n) {
  check_usable();
  check_in_place();
  const Entry inside(*this);
  return claim(Side::kSend, n, true, nullptr);
}

SlotClaim NamedQueue::try_peek(u32 n) {
  check_receivable();
  check_in_place();
  const SlotClaim made = claim(Side::kReceive, n, true, nullptr);
  if (!made.count) nothing();
  return made;
}

void NamedQueue::publish(SlotClaim claim, const u32* sizes, u32 sent) {
  Put side = put_side(queue_.ring());
  const u32 unsent = claim.count - sent;
  // Relaxed: ordered for receivers by the publications below.
  if (unsent) atomic::add_relaxed(&skipped_, u64(unsent));
  if (records()) {
    for (u32 i = 0; i < sent; ++i) {
      const u32 bytes = type_.fixed_size ? type_.fixed_size : std::min(sizes[i], queue_.max_message());
      record(RecordKind::kQueueIn, claim.first + i, bytes);
    }
  }
  time_sent(claim.first, sent);
  if (type_.fixed_size) {
    side.publish_n({claim.first, sent}, type_.fixed_size);
  } else {
    for (u32 i = 0; i < sent; ++i) side.publish(claim.first + i, std::min(sizes[i], queue_.max_message()), 0);
  }
  for (u32 i = sent; i < claim.count; ++i) side.publish(claim.first + i, 0, kSlotSkipped);
  settled(Side::kSend, claim);
}

void NamedQueue::release(SlotClaim claim) {
  if (records()) record_taken(claim);
  time_received(claim.first, claim.count);
  take_side(queue_.ring()).release_n(claim);
  settled(Side::kReceive, claim);
}

bool NamedQueue::wait(Side side, const Wait& until, const Attempt& ready) {
  for (u32 i = 0; i < kSpins + kYields; ++i) {
    if (ready()) return true;
    if (until.over()) return false;
    i < kSpins ? atomic::relax() : std::this_thread::yield();
  }
  return waiters(side).signal.wait(until, ready);
}

void NamedQueue::watch(Side side, Completion* node) {
  waiters(side).watchers.add(node);
}

bool NamedQueue::unwatch(Side side, Completion* node) {
  return waiters(side).watchers.remove(node);
}

bool NamedQueue::closed() const {
  // SYNC: partner close(): see Entry and ended().
  return atomic::load_seq_cst(&closed_) != 0;
}

void NamedQueue::close(bool discard) {
  if (forked()) return;  // a lock may be held by a thread that is not here
  if (records() && !closed()) recorder_->put(RecordKind::kQueueClose, number_, 0, u32(discard), {});
  if (discard) atomic::store_relaxed(&discarded_, 1U);  // relaxed: ordered by the exchange below
  // SYNC: partner Entry and ended(); whoever waits is woken below and looks again.
  atomic::exchange_seq_cst(&closed_, 1U);
  tell(Side::kSend);
  tell(Side::kReceive);
}

bool NamedQueue::records() const {
  return recorder_ && recorder_->on();
}

void NamedQueue::record(RecordKind kind, u64 ticket, u32 bytes) const {
  recorder_->put(kind, number_, ticket, 0, {{payload(ticket), bytes}});
}

void NamedQueue::record_taken(SlotClaim claim) const {
  for (u32 i = 0; i < claim.count; ++i) {
    record(RecordKind::kQueueOut, claim.first + i,
           type_.fixed_size ? type_.fixed_size : size(claim.first + i));
  }
}

void NamedQueue::bury(LetterReason reason, const u8* message, u32 bytes) {
  if (!dead_letters_.capacity()) return;
  const std::string text =
      "queue '" + name() + "' was full (" + std::to_string(queue_.ring().capacity) +
      " messages); its policy " +
      (reason == LetterReason::kDropOldest ? "made room for a newer message" : "dropped the new message");
  Envelope envelope{};
  const bool bare = type_.content != Content::kAny || bytes < sizeof(envelope);
  if (!bare) std::memcpy(&envelope, message, sizeof(envelope));
  const u32 before = bare ? 0 : u32(sizeof(envelope));
  dead_letters_.add(reason, bare ? nullptr : &envelope, {message + before, bytes - before}, text,
                    type_.type_id);
}

void NamedQueue::bury(std::initializer_list<Part> parts) {
  if (!dead_letters_.capacity()) return;
  std::vector<u8> message;
  for (const Part& part : parts) {
    const auto* const from = static_cast<const u8*>(part.data);
    message.insert(message.end(), from, from + part.bytes);
  }
  bury(LetterReason::kDropNew, message.data(), u32(message.size()));
}

bool NamedQueue::ended() const {
  // SYNC: partner Entry: nobody is inside after the close, so that every message has come.
  if (!closed() || atomic::load_seq_cst(&inside_)) return false;
  return queue_.counts().depth == 0;
}

void NamedQueue::check_receivable() const {
  check_usable();
  if (atomic::load_relaxed(&discarded_)) throw_closed();  // relaxed: who waits is woken and looks again
}

bool NamedQueue::nothing() const {
  if (ended()) throw_closed();
  return false;
}

void NamedQueue::throw_closed() const {
  throw Error(ErrorKind::kClosed, "queue '" + name() + "' is closed");
}

}  // namespace ringway
