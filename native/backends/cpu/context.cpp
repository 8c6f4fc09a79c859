#include "backends/cpu/context.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <thread>
#include <utility>

#include "backends/cpu/worker.h"
#include "core/error.h"
#include "core/record/recorder.h"
#include "core/type_id.h"

namespace ringway::cpu {

using atomic::count;

Context::Context(Instance& kernel, Worker& worker, bool traced)
    : kernel_(kernel),
      worker_(worker),
      services_(*kernel.set.services),
      traced_(traced),
      // SYNC: partner store_release in Runtime::group(): what it is.
      group_(atomic::load_acquire(&kernel.set.group)),
      control_(atomic::load_relaxed(&kernel.set.telemetry) ? kernel.control : kernel.unseen),
      emits_(kernel.set.emits) {}

Turn Context::turn() {
  Turn turn;
  count(&control_.iterations, 1);
  if (const u32 number = atomic::load_relaxed(&kernel_.renew)) {
    atomic::store_relaxed(&kernel_.renew, 0U);
    kernel_.restarts_in_row = 0;
    turn.more = begin_anew(number - 1);
  }
  if (kernel_.resume_at) {
    turn.blocked = ringway::now_ns() < kernel_.resume_at;
    if (turn.blocked) return turn;
    kernel_.resume_at = 0;
  }
  // What a tick sent waits without a message that is held for it.
  turn.blocked = !kernel_.unsent.empty() && !send_unsent();
  if (!turn.blocked && !kernel_.timers.empty()) turn_on_timers(&turn);
  if (!turn.blocked && runs()) turn_on_inputs(&turn);
  if (kernel_.leaving && settled()) leave();
  turn.more |= kernel_.leaving && !turn.blocked;  // what was handled is released
  if (sent_) {
    turn.moved = true;
    count_sent();
    tell_receivers();
  }
  if (turn.moved) atomic::store_relaxed(&control_.last_message_us, now_us_ ? now_us_ : coarse_unix_us());
  return turn;
}

void Context::turn_on_inputs(Turn* turn) {
  input_ = 0;
  turn_on_mailbox(turn);
  for (u32 i = 0; i < kernel_.inputs.size() && runs(); ++i) {
    input_ = i + 1;
    turn_on_link(kernel_.inputs[i], turn);
  }
}

void Context::measured(void* self, u64 sent, u64 handled) {
  Context& context = *static_cast<Context*>(self);
  const Instance& kernel = context.kernel_;
  const u32 from =
      context.input_ ? kernel.inputs[context.input_ - 1].link->from->set.index : u32(Tracer::kHost);
  context.services_.tracer.passage(
      context.worker_.number(),
      {static_cast<std::int64_t>(sent), static_cast<std::int64_t>(handled), from, kernel.set.index});
}

u32 Context::drain(Inlet& input, u32 batch, DrainStatus* status, bool* thrown, ErrorText& text) {
  const bool single = one_by_one();
  const u32 most = single ? 1 : batch;
  u32 done = 0;
  u32 now = 0;
  try {
    do {
      now = kernel_.set.entry->turn(this, &input, most, kernel_.state.get(), status);
      done += now;
    } while (single && now && done < batch && status->code == kDrained);
  } catch (const std::exception& error) {
    *thrown = true;
    std::snprintf(text, sizeof(text), "%s", error.what());
  } catch (...) {
    *thrown = true;
    std::snprintf(text, sizeof(text), "an exception that is no std::exception");
  }
  input.held().count += std::exchange(input.set_aside, 0U);
  abandon();
  return done;
}

void Context::turn_on_link(Inlet& link, Turn* turn) {
  u32 most = u32(kernel_.set.options.batch);
  if (kernel_.set.replicated()) {
    most = 1;  // the others are to get theirs
    if (!link.held().count) link.claim(most);
    if (link.waits()) kernel_.set.pass_on(&kernel_, &worker_);
  }
  turn_on(link, most, turn);
}

// Gives the handler a run of messages; returns how many left the input.
u32 Context::turn_on(Inlet& input, u32 most, Turn* turn) {
  DrainStatus status{};
  bool thrown = false;
  ErrorText text;
  latency_ = atomic::load_relaxed(&kernel_.set.telemetry) ? input.queue->latency() : nullptr;
  const u32 done = drain(input, most, &status, &thrown, text);
  bool broken = thrown || status.code == kBroken;
  bool failed = !thrown && (broken || status.code == kFailed);
  if (failed) {
    kernel_.resident ? kernel_.resident->describe(status, text)
                     : text_of_error(kernel_.set.entry->type, status.error, text);
  }
  // Of a batch it is not known on which message the handler threw; but then the policy is to fail, which answers all.
  failed |= thrown && one_by_one();
  failed &= input.held().count != 0;
  if (failed && !fail_first(input, text)) {
    failed = broken = false;  // the same message again when there is room
    status.code = kAgain;
  }
  if (done) kernel_.restarts_in_row = 0;
  const u32 taken = done + failed;
  took(input, taken, done, turn);
  if (broken) {
    turn->moved = true;
    if (!failed) count(&control_.errors, 1);
    broke(text);
  }
  if (status.code == kAgain) {
    turn->blocked = true;
  } else if (taken) {
    turn->more = true;  // perhaps; looking is cheap
  }
  return taken;
}

void Context::count_sent() {
  count(&control_.sent, sent_ - std::exchange(counted_, sent_));
}

void Context::took(Inlet& input, u32 messages, u32 processed, Turn* turn) {
  if (!messages) return;
  turn->moved = true;
  turn->messages += messages;
  count_sent();  // first: who sees that a message was handled can count what it led to
  count(&control_.received, messages);
  count(&control_.processed, processed);
  room_was_made(input);
}

void Context::abandon() {
  if (cell_) ReplyPool::abandon(std::exchange(cell_, nullptr));
  if (kernel_.host.held.count) {
    kernel_.host.producer.publish_n(std::exchange(kernel_.host.held, {}), 0);
  }
}

// Instead of an answer of `bytes` bytes, for which the queue to the host has no slot.
void Context::answer_too_large(u32 bytes) {
  const u32 limit = kernel_.set.out().max_message() - u32(sizeof(Envelope));
  const std::string text = "the answer of " + std::to_string(bytes) +
                           " bytes is larger than the slots of kernel '" + kernel_.set.name +
                           "', which hold " + std::to_string(limit) +
                           "; launch with LaunchOptions(slot_size=...)";
  const u32 room = std::min(u32(text.size()), limit);
  nowhere_used_ = too_large_ = false;
  outgoing_.flags = kEnvelopeError;
  outgoing_.type_id = u32(ErrorKind::kMessageTooLarge);
  const HostOutlet& out = kernel_.host;
  std::memcpy(payload_at(out.producer.ring, out.held.first) + sizeof(Envelope), text.data(), room);
  commit_message(room);
}

u8* Context::reserve_message(u32 type_id, u32 bytes) {
  Envelope envelope{};
  envelope.type_id = type_id;
  fresh_id(envelope.message_id);
  envelope.priority = 128;
  envelope.receiver = kNoEndpoint;
  return reserve_host(envelope, bytes);
}

u8* Context::reserve_answer(const Envelope* request, u32 type_id, u32 bytes) {
  Envelope envelope{};
  envelope.type_id = type_id;
  fresh_id(envelope.message_id);
  envelope.priority = request->priority;
  std::memcpy(envelope.correlation_id, request->message_id, sizeof(envelope.correlation_id));
  envelope.receiver = request->sender;
  if (kernel_.set.bridge) envelope.sequence = request->sequence;  // of the cell
  if (request->sender == kNoEndpoint || kernel_.set.bridge) return reserve_host(envelope, bytes);
  nowhere_used_ = false;
  outgoing_ = envelope;
  cell_ = services_.replies.begin(*request, bytes);
  return cell_ ? ReplyPool::body(cell_) : nowhere(LetterReason::kClosed, bytes);
}

void Context::commit_answer(u32 bytes) {
  if (too_large_) return answer_too_large(bytes);
  if (!cell_) return commit_message(bytes);
  outgoing_.sender = i32(kernel_.set.index);
  outgoing_.timestamp_us = now_us();
  services_.replies.finish(cell_, outgoing_, bytes);
  cell_ = nullptr;
  ++sent_;
}

u8* Context::reserve_host(const Envelope& envelope, u32 bytes) {
  nowhere_used_ = too_large_ = false;
  outgoing_ = envelope;
  HostOutlet& out = kernel_.host;
  const bool fits = bytes + sizeof(Envelope) <= kernel_.set.out().max_message();
  const bool wanted = envelope.receiver != kNoEndpoint;
  if (!fits && !wanted) return nowhere(LetterReason::kTooLarge, bytes);
  if (!out.held.count) out.held = out.producer.reserve(1);
  if (!out.held.count) {
    // As for links: a receiver that misses it is made up for by the end of the stalled kernel's sleep.
    kernel_.set.copied ? kernel_.set.copied->wants_room() : atomic::store_relaxed(&kernel_.set.held_back, 1U);
    return nullptr;
  }
  too_large_ = !fits;
  if (too_large_) return nowhere(LetterReason::kTooLarge, bytes);
  return payload_at(out.producer.ring, out.held.first) + sizeof(Envelope);
}

void Context::commit_message(u32 bytes) {
  if (nowhere_used_) return dropped_output(&outgoing_, bytes);
  HostOutlet& out = kernel_.host;
  outgoing_.sender = i32(kernel_.set.index);
  outgoing_.timestamp_us = now_us();
  if (outgoing_.receiver == kNoEndpoint) outgoing_.sequence = out.held.first;
  std::memcpy(payload_at(out.producer.ring, out.held.first), &outgoing_, sizeof(outgoing_));
  const ReplicaSet& set = kernel_.set;
  if (!set.bridge && set.recorder && set.recorder->on()) {
    const u8* const body = payload_at(out.producer.ring, out.held.first) + sizeof(Envelope);
    set.recorder->sent(set.index, out.held.first, outgoing_, body, bytes);
  }
  out.producer.publish_n(std::exchange(out.held, {}), bytes + u32(sizeof(Envelope)));
  out.published = true;
  ++sent_;
}

u8* Context::without_room(u32 output) {
  Link& link = *kernel_.outputs[output - 1].link;
  // SYNC: partner room_was_made(), which clears it; when the two miss each other, the sleep of a stalled
  // kernel ends after a while.
  atomic::exchange_seq_cst(&link.stalled, 1U);
  return nullptr;
}

u8* Context::nowhere(LetterReason reason, u32 bytes) {
  if (kernel_.nowhere.size() < bytes) kernel_.nowhere.resize(bytes);
  nowhere_used_ = true;
  nowhere_reason_ = reason;
  return kernel_.nowhere.data();
}

void Context::dropped_output(const Envelope* envelope, u32 bytes) {
  nowhere_used_ = false;
  const bool late = envelope && envelope->receiver != kNoEndpoint;
  count(late ? &control_.dropped_late : &control_.dropped_closed, 1);
  if (late) return;
  kernel_.set.dead_letters.add(nowhere_reason_, envelope, {kernel_.nowhere.data(), bytes},
                               nowhere_reason_ == LetterReason::kClosed
                                   ? "the kernel has no such output, or its receiver has ended"
                                   : std::to_string(bytes) + " bytes do not fit the output's slots");
}

void Context::tell_receivers() {
  if (std::exchange(kernel_.host.published, false)) {
    kernel_.set.bridge ? kernel_.set.bridge->wake() : announce_output(kernel_.set);
  }
  for (Outlet& out : kernel_.outputs) {
    if (!std::exchange(out.published, false)) continue;
    out.producer.show();
    out.link->to->notify(&worker_);
    // SYNC: partner claim_seq_cst in discard(), by read-modify-writes of one word: who ends the link discards what was
    // published before; who publishes later sees the end here. Relaxed on one worker, whose lock orders the two.
    const u32 end =
        out.elsewhere ? atomic::add_seq_cst(&out.link->end, 0U) : atomic::load_relaxed(&out.link->end);
    if (end != Link::kOpen) bury_behind_end(out);
  }
}

void Context::bury_behind_end(const Outlet& out) {
  Link& link = *out.link;
  // SYNC: partner store_release in discard(): the receiver's place in the ring.
  while (atomic::load_acquire(&link.end) != Link::kLeft) std::this_thread::yield();
  Inlet rest;
  rest.link = out.link;
  rest.is_shared = link.to->replicated();
  rest.open(link.queue);
  for (rest.claim(1); rest.held().count; rest.claim(1)) {
    count(&control_.dropped_closed, 1);
    bury_first(rest, LetterReason::kClosed, "its receiver ended while it was sent");
  }
  rest.show();
}

void Context::room_was_made(Inlet& input) {
  if (!input.link) {
    kernel_.set.copied ? kernel_.set.copied->room_was_made() : announce_room(kernel_.set);
    return;
  }
  Link& link = *input.link;
  if (!atomic::load_relaxed(&link.stalled)) return;
  atomic::exchange_seq_cst(&link.stalled, 0U);  // SYNC: partner without_room()
  Instance& from = *link.from;
  Worker* const home = from.home.get();
  home == &worker_ ? worker_.schedule(from) : home->notify(from);
}

}  // namespace ringway::cpu
