#include "core/shared_queue.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/noted_claim.h"
#include "core/shared_wait.h"

namespace ringway {
namespace {

constexpr std::int64_t kPatience = 2'000'000;       // ns between two looks for what the dead have left
constexpr std::int64_t kLongestSleep = 10'000'000;  // ns; a peer that died does not wake anybody
constexpr u32 kSpins = 200;

Members::Side role_of(NamedQueue::Side side) {
  return side == NamedQueue::Side::kSend ? Members::kSenders : Members::kReceivers;
}

}  // namespace

std::shared_ptr<SharedQueue> SharedQueue::create(const NamedQueueOptions& options, bool reclaim, u32 mode) {
  return std::shared_ptr<SharedQueue>(new SharedQueue(make_shared_parts(options, reclaim, mode),
                                                      options.block_timeout, u32(options.dead_letters)));
}

std::shared_ptr<SharedQueue> SharedQueue::attach(const std::string& name, double block_timeout, u32 mode,
                                                 u32 dead_letters) {
  return std::shared_ptr<SharedQueue>(
      new SharedQueue(attach_shared_parts(name, mode), block_timeout, dead_letters));
}

SharedQueue::SharedQueue(SharedParts parts, double block_timeout, u32 dead_letters)
    : NamedQueue(std::move(parts.queue), std::move(parts.type), block_timeout, dead_letters),
      memory_(std::move(parts.memory)),
      locks_(std::move(parts.locks)),
      block_(reinterpret_cast<SharedBlock*>(memory_.data())),
      members_(block_, locks_.get()) {
  for (auto& open : open_) open.reserve(kLinesPerSide);
  last_message_us_ = &block_->header.last_message_us;
}

SharedQueue::~SharedQueue() {
  for (auto& watch : watches_) {
    if (watch && forked()) watch->forget();
  }
}

NamedCounts SharedQueue::counts() const {
  NamedCounts now = NamedQueue::counts();
  const SharedHeader& header = block_->header;
  QueueHeader<QueueAtomics>* const ring = queue().ring().header;
  // Relaxed: each is right by itself; together they are of slightly different times, and a peer may write any.
  const u64 put = QueueAtomics::load_index(&ring->enqueue), taken = QueueAtomics::load_index(&ring->dequeue);
  now.skipped = atomic::load_relaxed(&header.skipped);
  now.redelivered = atomic::load_relaxed(&header.redelivered);
  const u64 none = now.skipped + atomic::load_relaxed(&header.given_up);
  const u64 gone = now.dropped_oldest + atomic::load_relaxed(&header.skips_passed);
  now.depth = std::min<u64>(now.depth, queue().ring().capacity);
  now.sent = put > none ? put - none : 0;
  now.received = taken > gone ? taken - gone : 0;
  return now;
}

std::string SharedQueue::held_up() const {
  const u32 process = atomic::load_relaxed(&waits_for_);  // relaxed: for people
  if (!process) return "";
  return "; the next message is held by process " + std::to_string(process) +
         ", which lives and has not gone on: is it stopped?";
}

// What a dead receiver had taken is not in the depth.
bool SharedQueue::has(u32 n) {
  return NamedQueue::has(n) || shut() || some_receiver_died();
}

bool SharedQueue::shut() const {
  // SYNC: partner end(); who sends makes sure in check_open(), who receives in ended().
  return closed() || atomic::load_seq_cst(&block_->header.ended);
}

bool SharedQueue::ended() const {
  if (closed()) return NamedQueue::ended();
  // SYNC: partner check_open(): whoever did not see the end there had claimed before, and the claim is seen here.
  if (!atomic::load_seq_cst(&block_->header.ended)) return false;
  return queue().counts().depth == 0 && !some_receiver_died();
}

void SharedQueue::check_open(SlotClaim claim) {
  // SYNC: partner end() and ended(): read by a write, so that the end of another process comes after this claim.
  if (!atomic::add_seq_cst(&block_->header.ended, 0U)) return;
  publish(claim, nullptr, 0);
  throw_closed();
}

bool SharedQueue::is_skipped(u64 ticket) const {
  const u64 head = QueueAtomics::load_ready(queue().ring().slot(ticket));  // SYNC: as in ready_run()
  return (head >> 32 >> kSizeBits) & kSlotSkipped;
}

void SharedQueue::pass_skipped(u32 line, u64 ticket) {
  Consumer<QueueAtomics, true> side;
  side.ring = queue().ring();
  side.release(ticket);
  clear_note<QueueAtomics>(&members_.lines(Members::kReceivers)[line].word);
  atomic::add_relaxed(&block_->header.skips_passed, u64(1));  // relaxed: a count
  announce_shared(&block_->header.room);
}

SlotClaim SharedQueue::claim(Side side, u32 n, bool one_run, u32* room) {
  const QueueRing& ring = queue().ring();
  const Members::Side role = role_of(side);
  u32 line = members_.enter(role);
  SlotClaim made{0, 0};
  if (side == Side::kReceive) {
    const u32 had = room ? *room : 0;
    if (line != kNobody) made = claim_messages(line, n, one_run, room);
    const bool too_large = room && *room > had;
    if (!made.count && !too_large && time_to_recover()) made = recover(&line, n, one_run, room);
  } else if (line != kNobody) {
    made = claim_noted(ring, &ring.header->enqueue, &members_.lines(role)[line].word, n, 0,
                       [&](u64 first, u32 ready) {
                         const u32 to_end = ring.capacity - (u32(first) & (ring.capacity - 1));
                         return one_run ? std::min(ready, to_end) : ready;
                       });
  }
  if (made.count) {
    {
      const std::lock_guard lock(opening_);
      open_[role].push_back({made.first, line});
    }
    if (side == Side::kSend) check_open(made);
  } else {
    if (line != kNobody) members_.leave(role, line);
    if (side == Side::kSend && shut()) throw_closed();
  }
  return made;
}

SlotClaim SharedQueue::claim_messages(u32 line, u32 n, bool one_run, u32* room) {
  const QueueRing& ring = queue().ring();
  for (u32 passed = 0; passed < ring.capacity; ++passed) {
    const SlotClaim made =
        claim_noted(ring, &ring.header->dequeue, &members_.lines(Members::kReceivers)[line].word, n, 1,
                    [&](u64 first, u32 ready) {
                      const u32 to_end = ring.capacity - (u32(first) & (ring.capacity - 1));
                      const u32 most = one_run ? std::min(ready, to_end) : ready;
                      u32 messages = 0;
                      while (messages < most && !is_skipped(first + messages)) ++messages;
                      if (room && messages && size(first) > *room) {
                        *room = size(first);
                        return 0U;
                      }
                      return messages ? messages : 1U;
                    });
    if (!made.count || !is_skipped(made.first)) return made;
    pass_skipped(line, made.first);
  }
  return {0, 0};
}

bool SharedQueue::time_to_recover() {
  const std::int64_t now = now_ns();
  // Relaxed: threads that look at the same time disturb nobody.
  if (now - atomic::load_relaxed(&last_recovery_) < kPatience) return false;
  atomic::store_relaxed(&last_recovery_, now);
  return true;
}

SlotClaim SharedQueue::recover(u32* line, u32 n, bool one_run, u32* room) {
  const QueueRing& ring = queue().ring();
  NoteLine* const senders = members_.lines(Members::kSenders);
  u32 sender = kNobody, receiver = kNobody;
  SlotClaim made{0, 0};
  const u32 skipped = skip_abandoned(
      ring, senders, kLinesPerSide, [this](u32 i) { return members_.lives(Members::kSenders, i); }, &sender);
  if (skipped) {
    atomic::add_relaxed(&block_->header.skipped, u64(skipped));  // relaxed: a count
    if (*line != kNobody) made = claim_messages(*line, n, one_run, room);
  }
  if (!made.count && some_receiver_died()) {
    if (room && *room < queue().max_message()) {
      // What is adopted cannot be left again: the caller makes room for any message, and comes back at once.
      *room = queue().max_message();
      atomic::store_relaxed(&last_recovery_, std::int64_t(0));
      return made;
    }
    made = adopt(line, &receiver);
  }
  u32 process = 0;
  if (sender != kNobody) process = atomic::load_relaxed(&senders[sender].process);  // relaxed: for people
  if (receiver != kNobody)
    process = atomic::load_relaxed(&members_.lines(Members::kReceivers)[receiver].process);
  atomic::store_relaxed(&waits_for_, process);
  return made;
}

bool SharedQueue::some_receiver_died() const {
  NoteLine* const receivers = members_.lines(Members::kReceivers);
  for (u32 i = 0; i < kLinesPerSide; ++i) {
    // Relaxed: adopt_abandoned() looks again.
    if (noted_count(QueueAtomics::load_index(&receivers[i].word)) && !members_.lives(Members::kReceivers, i))
      return true;
  }
  return false;
}

SlotClaim SharedQueue::adopt(u32* line, u32* owner) {
  if (!members_.lock_table()) return {0, 0};
  const u32 own = *line != kNobody ? *line : members_.enter(Members::kReceivers, true);
  SlotClaim made{0, 0};
  while (own != kNobody) {
    made = adopt_abandoned(
        queue().ring(), members_.lines(Members::kReceivers), kLinesPerSide, own,
        [this](u32 i) { return members_.lives(Members::kReceivers, i); }, owner);
    if (!made.count || !is_skipped(made.first)) break;
    pass_skipped(own, made.first);
  }
  members_.unlock_table();
  if (made.count) {
    atomic::add_relaxed(&block_->header.redelivered, u64(1));  // relaxed: a count
    *line = own;
  } else if (own != *line) {
    members_.leave(Members::kReceivers, own);
  }
  return made;
}

void SharedQueue::settled(Side side, SlotClaim claim) {
  const Members::Side role = role_of(side);
  u32 line = kNobody;
  {
    const std::lock_guard lock(opening_);
    const auto found = std::find_if(open_[role].begin(), open_[role].end(),
                                    [&](const Open& open) { return open.first == claim.first; });
    line = found->line;
    *found = open_[role].back();
    open_[role].pop_back();
  }
  clear_note<QueueAtomics>(&members_.lines(role)[line].word);
  members_.leave(role, line);
  announce_shared(side == Side::kSend ? &block_->header.messages : &block_->header.room);
  NamedQueue::settled(side, claim);
}

bool SharedQueue::drop_one() {
  const QueueRing& ring = queue().ring();
  const u32 line = members_.enter(Members::kReceivers);
  if (line == kNobody) return false;
  u64* const note = &members_.lines(Members::kReceivers)[line].word;
  const u64 ticket = QueueAtomics::load_index(&ring.header->enqueue);
  const bool taken = take_oldest_noted(ring, ticket, note);
  if (taken) {
    if (is_skipped(ticket - ring.capacity)) {
      pass_skipped(line, ticket - ring.capacity);
    } else {
      bury(LetterReason::kDropOldest, payload(ticket - ring.capacity), size(ticket - ring.capacity));
      free_oldest(ring, ticket);
      clear_note<QueueAtomics>(note);
    }
  }
  members_.leave(Members::kReceivers, line);
  return taken;
}

// In a child after fork() these are the parent's claims.
void SharedQueue::publish(SlotClaim claim, const u32* sizes, u32 sent) {
  if (forked()) return;
  atomic::add_relaxed(&block_->header.given_up, u64(claim.count - sent));  // relaxed: a count
  NamedQueue::publish(claim, sizes, sent);
}

void SharedQueue::release(SlotClaim claim) {
  if (!forked()) NamedQueue::release(claim);
}

bool SharedQueue::wait(Side side, const Wait& until, const Attempt& ready) {
  for (u32 i = 0; i < kSpins; ++i) {
    if (ready()) return true;
    if (until.over()) return false;
    atomic::relax();
  }
  u32* const word = side == Side::kSend ? &block_->header.room : &block_->header.messages;
  u32 naps = 0;
  for (;;) {
    const u32 armed = arm_shared(word);
    if (ready()) return true;
    if (until.over()) return false;
    park_shared(word, armed, until.slice(kLongestSleep), &naps);
    if (until.check) until.check();
  }
}

void SharedQueue::watch(Side side, Completion* node) {
  NamedQueue::watch(side, node);
  const std::lock_guard lock(opening_);
  std::unique_ptr<SharedWatch>& watch = watches_[role_of(side)];
  u32* const word = side == Side::kSend ? &block_->header.room : &block_->header.messages;
  if (!watch) watch = std::make_unique<SharedWatch>(word, [this, side] { tell(side); });
  watch->wanted();
}

void SharedQueue::close(bool) {
  if (forked()) return;
  NamedQueue::close(true);
  wake_all();
  locks_->drop(kPresenceLock);
}

void SharedQueue::end() {
  if (forked() || closed()) return;
  // SYNC: partner check_open() and ended(); whoever waits is woken below and looks again.
  atomic::exchange_seq_cst(&block_->header.ended, 1U);
  wake_all();
}

// Event loops and threads, which all sleep on the shared words.
void SharedQueue::wake_all() {
  announce_shared(&block_->header.messages);
  announce_shared(&block_->header.room);
  tell(Side::kSend);
  tell(Side::kReceive);
}

}  // namespace ringway
