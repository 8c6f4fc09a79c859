// The kernel's side of its mailbox: whose turn it is among the lanes, which messages the handler gets, and what becomes
// of the others.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

#include "backends/cpu/context.h"
#include "backends/cpu/worker.h"
#include "core/error.h"
#include "core/log.h"

namespace ringway::cpu {

using atomic::count;

void Context::turn_on_mailbox(Turn* turn) {
  // Replicas leave the others theirs; and where the message on which a handler breaks must be known, it gets them one by
  // one.
  u32 left = kernel_.set.replicated() ? 1 : u32(kernel_.set.options.batch);
  const u32 run = one_by_one() ? 1 : left;
  u32 taken = 0;
  if (kernel_.lanes.size() == 1) {
    do {
      taken = turn_on_lane(kernel_.lanes[0], run, turn);
      left -= taken;
    } while (run == 1 && taken && left && runs() && !turn->blocked);
    return;
  }
  LaneTurns& turns = kernel_.lane_turns;
  u32 empty = 0;
  while (left && empty < Mailbox::kLanes && runs()) {
    taken = turn_on_lane(kernel_.lanes[turns.at], std::min({run, left, lane_credit(turns)}), turn);
    left -= taken;
    empty = taken ? 0 : empty + 1;
    if (taken) turns = lane_took(turns, taken);
    if (turn->blocked) return;  // what the lane has claimed is within its credit
    if (!taken) turns = lane_passed(turns);
  }
  if (left) turns = {};  // after all lanes were found empty, the highest is the first again
}

// Whether a message waits that no replica has claimed.
bool Context::mailbox_waits() const {
  return std::any_of(kernel_.lanes.begin(), kernel_.lanes.end(),
                     [](const Inlet& lane) { return lane.waits(); });
}

// One run of messages of a lane, past those that the handler must not get; returns how many left the lane.
u32 Context::turn_on_lane(Inlet& lane, u32 most, Turn* turn) {
  Claim<Atomics>& held = lane.held();
  if (!held.count) lane.claim(most);
  const u32 claimed = held.count;
  if (!claimed) return 0;
  if (kernel_.set.replicated() && mailbox_waits()) kernel_.set.pass_on(&kernel_, &worker_);
  // Relaxed: written before the first message with a time to live was published, read after it was claimed.
  const bool screens = kernel_.set.screen.dedup() || atomic::load_relaxed(&kernel_.set.uses_ttl);
  if (!screens) return turn_on(lane, most, turn);
  const u32 passed = screen(lane, most, turn);
  const u32 refused = claimed - held.count;
  if (refused) lane.show();
  took(lane, refused, 0, turn);
  turn->more |= refused && !turn->blocked;
  if (!passed) return refused;
  lane.set_aside = held.count - passed;
  held.count = passed;
  const u32 taken = turn_on(lane, passed, turn);
  lane.known -= taken;
  return refused + taken;
}

// How many of the held messages the handler may get now; those in front that it must not get are disposed of. A message
// with a time to live goes to the handler alone, so that it is judged right before.
u32 Context::screen(Inlet& lane, u32 most, Turn* turn) {
  Claim<Atomics>& held = lane.held();
  u32 passed = 0;
  while (passed < std::min(held.count, most)) {
    Envelope envelope;
    std::memcpy(&envelope, payload_at(lane.queue->ring(), held.first + passed), sizeof(envelope));
    if (passed && envelope.ttl_10ms) break;
    const bool known = passed < lane.known;
    const bool handled = !passed && lane.handled;
    const Verdict verdict = handled ? Verdict::kHandle : kernel_.set.judge(envelope, known);
    if (verdict == Verdict::kHandle) {
      ++passed;
      lane.known = std::max(lane.known, passed);
      if (envelope.ttl_10ms) break;
      continue;
    }
    if (passed) break;
    const bool expired = verdict == Verdict::kExpired;
    char id[kIdText];
    text_of_id(envelope.message_id, id);
    ErrorText text;
    const int used =
        std::snprintf(text, sizeof(text), "message %s for kernel '%s' ", id, kernel_.set.name.c_str());
    const auto at = std::min<std::size_t>(std::size_t(std::max(used, 0)), sizeof(text) - 1);
    expired ? std::snprintf(text + at, sizeof(text) - at,
                            "expired: it waited for longer than its time to live of %u ms",
                            envelope.ttl_10ms * 10U)
            : std::snprintf(text + at, sizeof(text) - at,
                            "is a duplicate: its id is among the last %u that the kernel has taken",
                            kernel_.set.screen.dedup());
    if (!refuse_first(lane, expired ? LetterReason::kExpired : LetterReason::kDuplicate,
                      expired ? ErrorKind::kTimeout : ErrorKind::kDuplicate, text)) {
      turn->blocked = true;
      break;
    }
    count(expired ? &control_.dropped_expired : &control_.dropped_duplicate, 1);
    if (known) --lane.known;
  }
  return passed;
}

// The first held message is not handled: its asker gets the error, and a copy goes to the dead letters. False: there is
// no room for the answer.
bool Context::refuse_first(Inlet& input, LetterReason reason, ErrorKind kind, std::string_view text) {
  if (!input.link) {
    Envelope request;
    std::memcpy(&request, input.first().data(), sizeof(request));
    if (!answer_error(request, kind, text)) return false;
  }
  bury_first(input, reason, text);
  return true;
}

void Context::bury_first(Inlet& input, LetterReason reason, std::string_view text) {
  const auto message = input.first();
  if (input.link) {
    kernel_.set.dead_letters.add(reason, nullptr, message, text);
  } else {
    Envelope envelope;
    std::memcpy(&envelope, message.data(), sizeof(envelope));
    kernel_.set.dead_letters.add(reason, &envelope, message.subspan(sizeof(envelope)), text);
  }
  input.skip_one();
}

bool Context::answer_error(const Envelope& request, ErrorKind kind, std::string_view text) {
  if (request.sender == kNoEndpoint) return true;
  if (!kernel_.set.bridge) {
    const bool told = services_.replies.refuse(request, kernel_.set.index, kind, text);
    told ? void(++sent_) : count(&control_.dropped_late, 1);
    return true;
  }
  const u32 bytes = std::min(u32(text.size()), kernel_.set.out().max_message() - u32(sizeof(Envelope)));
  u8* to = reserve_answer(&request, u32(kind), bytes);
  if (!to) return false;
  outgoing_.flags = kEnvelopeError;
  std::memcpy(to, text.data(), bytes);
  commit_answer(bytes);
  return true;
}

u64 Context::discard(LetterReason reason, ErrorKind kind, std::string_view text) {
  bury_unsent();
  u64 left = 0;
  for (Inlet& input : kernel_.inputs) {
    // SYNC: partner add_seq_cst in tell_receivers().
    u32 end = Link::kOpen;
    while (end == Link::kOpen && !atomic::claim_seq_cst(&input.link->end, &end, u32(Link::kEnded))) {
    }
    if (end != Link::kOpen && !input.is_shared) continue;  // what came since then is its sender's
    left += discard(input, reason, kind, text);
    // SYNC: partner load_acquire in bury_behind_end(): this side's place in the ring.
    atomic::store_release(&input.link->end, u32(Link::kLeft));
    room_was_made(input);
  }
  for (Inlet& lane : kernel_.lanes) left += discard(lane, reason, kind, text);
  count(&control_.dropped_closed, left);
  return left;
}

u64 Context::discard(Inlet& input, LetterReason reason, ErrorKind kind, std::string_view text) {
  for (u64 left = 0;;) {
    if (!input.held().count) input.claim(1);
    if (input.held().count) {
      // A bridge answers what it has brought.
      if (kernel_.set.bridge || !refuse_first(input, reason, kind, text)) bury_first(input, reason, text);
      ++left;
      continue;
    }
    input.show();
    // A sender has claimed a slot and is about to publish; others may have published behind it.
    if (input.link || !input.queue->counts().depth) return left;
    std::this_thread::yield();
  }
}

}  // namespace ringway::cpu
