#include "backends/cpu/context.h"

#include <exception>
#include <thread>
#include <utility>

#include "backends/cpu/worker.h"
#include "core/error.h"
#include "core/log.h"
#include "core/type_id.h"

namespace ringway::cpu {

using atomic::count;

Context::Context(Instance& kernel, Worker& worker)
    : kernel_(kernel), worker_(worker), services_(*kernel.set.services), emits_(kernel.set.emits) {}

Turn Context::turn() {
  Turn turn;
  ControlBlock& control = kernel_.control;
  count(&control.iterations, 1);
  try {
    for (u32 i = 0; i < kernel_.inputs.size() && kernel_.running; ++i) {
      input_ = i;
      turn_on(kernel_.inputs[i], &turn);
    }
  } catch (const std::exception& error) {
    abandon();
    fail(error.what());
  }
  if (sent_) {
    turn.moved = true;
    count(&control.sent, sent_);
    tell_receivers();
  }
  if (turn.moved) atomic::store_relaxed(&control.last_message_us, now_us());
  return turn;
}

void Context::fail(const char* reason) {
  ReplicaSet& set = kernel_.set;
  // SYNC: partner itself in another replica: one of them writes the reason.
  if (!atomic::exchange_seq_cst(&set.failing, 1U)) {
    set.failure = reason;
    // SYNC: partner load_seq_cst in Kernel::state() and Worker::run(): the text; and the senders' look after their
    // publish: a message that is not answered by a replica's follow_failure() has a sender that finds out.
    atomic::exchange_seq_cst(&set.failed, 1U);
    log::warning([&] { return "kernel '" + set.name + "' failed: " + set.failure; });
    for (const auto& replica : set.replicas) {
      if (replica.get() != &kernel_) replica->home->notify(*replica);
    }
  }
  follow_failure();
}

void Context::follow_failure() {
  kernel_.running = false;
  // SYNC: partner exchange_seq_cst in fail(): the text, which another replica may be about to write.
  while (!atomic::load_seq_cst(&kernel_.set.failed)) std::this_thread::yield();
  discard(u32(ErrorKind::kHandler), "the kernel failed: " + kernel_.set.failure);
}

void Context::turn_on(Inlet& input, Turn* turn) {
  DrainStatus status{};
  u32 batch = u32(kernel_.set.options.batch);
  if (kernel_.set.replicated()) {
    batch = 1;  // the others are to get theirs
    const QueueRing& ring = input.shared.consumer.ring;
    const u32 too_many = input.held().count ? 1 : 2;
    if (ready_run(ring, Atomics::load_index(&ring.header->dequeue), too_many, 1) == too_many) {
      kernel_.set.pass_on(&kernel_, &worker_);
    }
  }
  const u32 done = kernel_.set.entry->turn(this, &input, batch, kernel_.state.get(), &status);
  abandon();
  const bool failed = status.code == kFailed && input.held().count;
  if (failed) fail_first(input, status.error);
  const u32 taken = done + failed;
  if (taken) {
    turn->moved = true;
    count(&kernel_.control.received, taken);
    count(&kernel_.control.processed, done);
    room_was_made(input);
  }
  if (status.code == kAgain) {
    turn->blocked = true;
  } else if (taken) {
    turn->more = true;  // perhaps; looking is cheap
  }
}

void Context::abandon() {
  if (cell_) ReplyPool::abandon(std::exchange(cell_, nullptr));
  if (kernel_.host.held.count) {
    kernel_.host.producer.publish_n(std::exchange(kernel_.host.held, {}), 0);
  }
}

void Context::fail_first(Inlet& input, u32 error) {
  const auto& texts = kernel_.set.entry->type.errors;
  const std::string text = error < texts.size() ? texts[error] : "error number " + std::to_string(error);
  count(&kernel_.control.errors, 1);
  if (!input.link) {
    const auto& ring = kernel_.set.mailbox.ring();
    Envelope request;
    std::memcpy(&request, payload_at(ring, input.held().first), sizeof(request));
    answer_error(request, u32(ErrorKind::kHandler), text);
  }
  log::warning([&] { return "kernel '" + kernel_.set.name + "' failed on a message: " + text; });
  input.skip_one();
}

void Context::answer_error(const Envelope& request, u32 kind, const std::string& text) {
  if (request.sender == kNoEndpoint) return;
  u8* to = reserve_answer(&request, kind, u32(text.size()));
  outgoing_.flags = kEnvelopeError;
  if (to) std::memcpy(to, text.data(), text.size());
  commit_answer(u32(text.size()));
}

u64 Context::discard(u32 kind, const std::string& text) {
  u64 left = 0;
  for (u32 i = 0; i < kernel_.inputs.size(); ++i) {
    Inlet& input = kernel_.inputs[i];
    const Queue& queue = input.link ? input.link->queue : kernel_.set.mailbox;
    input_ = i;
    for (;;) {
      if (!input.held().count) {
        input.held() = input.is_shared ? input.shared.consumer.peek(1) : input.alone.consumer.peek(1);
      }
      if (!input.held().count) {
        if (!input.is_shared) input.alone.consumer.show();
        // A sender has claimed a slot and is about to publish; others may have published behind it.
        if (input.link || !queue.counts().depth) break;
        std::this_thread::yield();
        continue;
      }
      if (!input.link) {
        Envelope request;
        std::memcpy(&request, payload_at(queue.ring(), input.held().first), sizeof(request));
        answer_error(request, kind, text);
      }
      input.skip_one();
      ++left;
    }
  }
  count(&kernel_.control.dropped_closed, left);
  return left;
}

u8* Context::reserve_message(u32 type_id, u32 bytes) {
  Envelope envelope{};
  envelope.type_id = type_id;
  fresh_id(envelope.message_id);
  envelope.priority = 128;
  return reserve_host(envelope, bytes);
}

u8* Context::reserve_answer(const Envelope* request, u32 type_id, u32 bytes) {
  Envelope envelope{};
  envelope.type_id = type_id;
  fresh_id(envelope.message_id);
  envelope.priority = request->priority;
  std::memcpy(envelope.correlation_id, request->message_id, sizeof(envelope.correlation_id));
  if (request->sender == kNoEndpoint) return reserve_host(envelope, bytes);
  nowhere_used_ = false;
  outgoing_ = envelope;
  outgoing_.receiver = request->sender;
  cell_ = services_.replies.begin(*request, bytes);
  return cell_ ? ReplyPool::body(cell_) : nowhere(0, bytes);
}

void Context::commit_answer(u32 bytes) {
  if (!cell_) return commit_message(bytes);
  outgoing_.sender = i32(kernel_.set.index);
  outgoing_.timestamp_us = now_us();
  ReplyPool::finish(cell_, outgoing_, bytes);
  cell_ = nullptr;
  ++sent_;
}

u8* Context::reserve_host(const Envelope& envelope, u32 bytes) {
  nowhere_used_ = false;
  outgoing_ = envelope;
  outgoing_.receiver = kNoEndpoint;
  HostOutlet& out = kernel_.host;
  if (bytes + sizeof(Envelope) > kernel_.set.outbox.max_message()) return nowhere(0, bytes);
  if (!out.held.count) out.held = out.producer.reserve(1);
  if (!out.held.count) {
    // As for links: a receiver that misses it is made up for by the end of the stalled kernel's sleep.
    atomic::store_relaxed(&kernel_.set.held_back, 1U);
    return nullptr;
  }
  return payload_at(out.producer.ring, out.held.first) + sizeof(Envelope);
}

void Context::commit_message(u32 bytes) {
  if (nowhere_used_) return dropped_output();
  HostOutlet& out = kernel_.host;
  outgoing_.sender = i32(kernel_.set.index);
  outgoing_.timestamp_us = now_us();
  outgoing_.sequence = out.held.first;
  std::memcpy(payload_at(out.producer.ring, out.held.first), &outgoing_, sizeof(outgoing_));
  out.producer.publish_n(std::exchange(out.held, {}), bytes + u32(sizeof(Envelope)));
  out.published = true;
  ++sent_;
}

u8* Context::without_room(u32 output, u32 bytes) {
  Link& link = *kernel_.outputs[output - 1].link;
  // SYNC: partner the receiver's store_release of `ended`: then nobody makes room any more.
  if (atomic::load_acquire(&link.ended)) return nowhere(output, bytes);
  // SYNC: partner room_was_made(), which clears it; when the two miss each other, the sleep of a stalled
  // kernel ends after a while.
  atomic::exchange_seq_cst(&link.stalled, 1U);
  return nullptr;
}

u8* Context::nowhere(u32, u32 bytes) {
  if (kernel_.nowhere.size() < bytes) kernel_.nowhere.resize(bytes);
  nowhere_used_ = true;
  return kernel_.nowhere.data();
}

void Context::dropped_output() {
  nowhere_used_ = false;
  const bool late = outgoing_.receiver < kNoEndpoint;
  count(late ? &kernel_.control.dropped_late : &kernel_.control.dropped_closed, 1);
}

void Context::tell_receivers() {
  if (std::exchange(kernel_.host.published, false)) announce_output(kernel_.set);
  for (Outlet& out : kernel_.outputs) {
    if (!std::exchange(out.published, false)) continue;
    out.producer.show();
    out.link->to->notify(&worker_);
  }
}

void Context::room_was_made(Inlet& input) {
  if (!input.link) {
    kernel_.set.room.notify();
    return;
  }
  Link& link = *input.link;
  if (!atomic::load_relaxed(&link.stalled)) return;
  atomic::exchange_seq_cst(&link.stalled, 0U);  // SYNC: partner without_room()
  Instance& from = *link.from;
  from.home.get() == &worker_ ? worker_.schedule(from) : from.home->notify(from);
}

}  // namespace ringway::cpu
