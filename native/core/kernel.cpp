#include "core/kernel.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "core/bridge.h"
#include "core/error.h"
#include "core/log.h"
#include "core/record/recorder.h"
#include "core/runtime.h"
#include "core/type_id.h"
#include "core/user_kernel.h"

namespace ringway {
namespace {

constexpr u32 kSpins = 200;
constexpr u32 kYields = 20;
constexpr u32 kTryEvery = 16;

bool is_answered(void* cell) {
  return ReplyPool::answered(static_cast<ReplyPool::Cell*>(cell));
}

bool after_one_turn(void*) {
  return true;
}

bool has_output(void* port) {
  const QueueRing& ring = static_cast<Port*>(port)->outbox.ring();
  const u64 next = Atomics::load_index(&ring.header->dequeue);
  return ready_run(ring, next, 1, 1) != 0;
}

// Spins, then yields, for a few microseconds; `attempt` now and then tries to help. True as soon as done().
template <class Done, class Attempt>
bool spin_for(Done done, Attempt attempt) {
  for (u32 i = 0; i < kSpins + kYields; ++i) {
    if (done()) return true;
    if (i % kTryEvery == 0 && attempt() && done()) return true;
    i < kSpins ? atomic::relax() : std::this_thread::yield();
  }
  return false;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

}  // namespace

Kernel::Kernel(std::shared_ptr<Runtime> runtime, const KernelType& type, std::string name,
               const LaunchSpec& spec, std::shared_ptr<Port> port)
    : runtime_(std::move(runtime)),
      is_user_(spec.user != nullptr),
      first_state_(spec.state),
      builtin_(type),
      name_(std::move(name)),
      options_(spec.options),
      grid_(spec.grid),
      block_(spec.block),
      port_(std::move(port)),
      ttl_10ms_(options_.ttl ? ttl_10ms(*options_.ttl) : u16(0)),
      user_(spec.user),
      launched_at_(now_ns()) {
  for (const std::string& accepted : type.accepts) accepts_.push_back(type_id_of(accepted));
  port_->recorder = &runtime_->recorder();
  port_->dead_letters.record_to(port_->recorder, port_->index);
}

void Kernel::look_at_resident(std::int64_t replica, const Backend::Look& look, const Wait& until) {
  check_elsewhere("read_state");
  if (!is_user_) {
    throw Error(ErrorKind::kInvalidOption, "kernel '" + name_ +
                                               "' is one of the backend's, whose state is its own; " +
                                               "that of kernels made by ringway.kernel can be read");
  }
  if (replica < 0 || replica >= grid_) {
    throw Error(ErrorKind::kInvalidOption, "replica is " + std::to_string(replica) + "; kernel '" + name_ +
                                               "' has replicas 0 to " + std::to_string(grid_ - 1));
  }
  // It lives as long as the port, also while the kernel drains and after its end.
  runtime_->backend().look_at(*port_, u32(replica), look, until);
}

State Kernel::state() const {
  // SYNC: partner enter() and the exchange of `failed` by who runs the kernel: see push_on().
  const State now = entered();
  // SYNC: as above.
  return now != State::kTerminated && atomic::load_seq_cst(&port_->failed) ? State::kFailed : now;
}

State Kernel::entered() const {
  // SYNC: as in state().
  const auto now = static_cast<State>(atomic::load_seq_cst(&state_));
  // SYNC: partner the exchange of `left` by who runs the kernel: what it did before.
  return now == State::kActive && atomic::load_seq_cst(&port_->left) ? State::kInactive : now;
}

std::string Kernel::failure() const {
  const std::lock_guard lock(port_->explaining);
  // SYNC: partner the exchange of `failed` by who runs the kernel: the text.
  return atomic::load_seq_cst(&port_->failed) ? port_->failure : "";
}

std::shared_ptr<const KernelType> Kernel::type() const {
  const std::lock_guard lock(naming_);
  if (!user_) return {std::shared_ptr<const KernelType>(), &builtin_};
  return {user_, &user_->type()};
}

// Whether nothing more comes from it: one that drains may still send.
bool Kernel::ended() const {
  const State now = state();
  if (now != State::kTerminated && now != State::kFailed) return false;
  // SYNC: partner store_release in begin_end(), before the state is entered
  return !atomic::load_acquire(&ending_);
}

Telemetry Kernel::counted() const {
  const std::int64_t end = atomic::load_relaxed(&ended_at_);
  Telemetry now{snapshot(port_->controls),
                port_->mailbox.counts(),
                port_->outbox.counts().depth,
                std::nullopt,
                port_->dead_letters.lost(),
                snapshot(port_->latency),
                state(),
                double((end ? end : now_ns()) - launched_at_) * 1e-9,
                stuck(),
                atomic::load_relaxed(&port_->replacements)};
  if (port_->bridge) {
    now.bridge = port_->bridge->counts();
    now.control.dropped_late += now.bridge->late;
    now.control.dropped_closed += now.bridge->discarded;
    now.mailbox.depth = now.bridge->depth;
  }
  if (is_user_) add_counts(&now, type()->counters, port_->counts);
  return now;
}

Telemetry Kernel::telemetry() const {
  return since_reset_.since(counted());
}

void Kernel::reset_telemetry() {
  since_reset_.reset(counted());
}

void Kernel::check_usable() {
  runtime_->check_usable();
  const State now = state();
  if (now == State::kTerminated) throw Error(ErrorKind::kClosed, "kernel '" + name_ + "' is terminated");
  if (now == State::kFailed) {
    const bool lost = port_->failure_kind == ErrorKind::kDeviceLost;
    throw Error(lost ? ErrorKind::kDeviceLost : ErrorKind::kClosed,
                "kernel '" + name_ + "' has failed: " + failure());
  }
}

void Kernel::check_elsewhere(const char* call) const {
  if (handling_here().port != port_.get()) return;
  throw Error(ErrorKind::kInvalidState, std::string(call) + " of kernel '" + name_ +
                                            "' in its own handler would wait for that handler; call it "
                                            "elsewhere");
}

void Kernel::check_message(const Envelope& envelope, std::size_t bytes, const std::string& type_name) const {
  if (!accepts_.empty() && std::find(accepts_.begin(), accepts_.end(), envelope.type_id) == accepts_.end()) {
    const auto of_it = type();
    throw Error(ErrorKind::kTypeMismatch, "kernel '" + name_ + "' (" + of_it->name + ") accepts " +
                                              list_of(of_it->accepts) + ", not " +
                                              (type_name.empty() ? "plain bytes" : type_name));
  }
  port_->mailbox.check_size(bytes, type_name);
}

void Kernel::dropped_oldest(void* self, const u8* message, u32 bytes) {
  const Kernel& kernel = *static_cast<Kernel*>(self);
  Envelope envelope;
  std::memcpy(&envelope, message, sizeof(envelope));
  const std::string text = kernel.full(envelope) + "; policy 'drop_oldest' made room for a newer one";
  kernel.port_->dead_letters.add(LetterReason::kDropOldest, &envelope,
                                 {message + sizeof(envelope), bytes - sizeof(envelope)}, text);
  kernel.runtime_->replies_.refuse(envelope, kernel.port_->index, ErrorKind::kQueueFull, text);
}

struct Kernel::Entering {
  const Port& port;
  const Envelope& envelope;
  std::span<const u8> body;
};

void Kernel::entered(void* entering, u64 ticket) {
  const auto& message = *static_cast<const Entering*>(entering);
  message.port.recorder->entered(message.port.index, ticket, message.envelope, message.body);
}

bool Kernel::idle() const {
  const State now = state();
  if (now == State::kTerminated) return true;
  // Its counters come after what it sends: read first, they are not ahead of what is counted below.
  const ControlBlock control = snapshot(port_->controls);
  const ControlBlock unseen = snapshot(port_->unseen);
  const QueueCounts mailbox = port_->mailbox.counts();
  const Runtime::LinkFlow links = runtime_->link_flow(name_);
  const u64 entered = mailbox.taken + mailbox.depth - mailbox.dropped_oldest + links.in;
  // A failed kernel discards the rest.
  if (now == State::kFailed ? mailbox.depth != 0 : control.received + unseen.received != entered)
    return false;
  return !port_->bridge || port_->bridge->delivered(control.sent + unseen.sent - links.out);
}

Kernel::Put Kernel::put(const Envelope& envelope, std::span<const u8> body, const Patience* patience,
                        IfFull if_full) {
  const Mailbox& mailbox = port_->mailbox;
  const OnDrop on_drop{&Kernel::dropped_oldest, this};
  Entering entering{*port_, envelope, body};
  const OnSend on_send{&Kernel::entered, &entering};
  auto offer = [&] {
    return mailbox.offer(envelope, body, on_drop, port_->recorder->on() ? on_send : OnSend{});
  };
  Put result = offer();
  if (result == Put::kFull && (options_.policy == Backpressure::kBlock || if_full == IfFull::kReturn)) {
    runtime_->backend().notify(*port_);
    if (!patience) return result;
    port_->room.wait(Wait::seconds(patience->seconds, patience->check), [&] {
      check_usable();
      result = offer();
      return result != Put::kFull;
    });
  }
  if (result == Put::kFull) refuse(envelope, patience ? *patience : this->patience(0, nullptr));
  if (result == Put::kDropped) {
    port_->dead_letters.add(LetterReason::kDropNew, &envelope, body,
                            full(envelope) + "; its policy dropped the new message");
  }
  return result;
}

Patience Kernel::patience(std::optional<double> timeout, void (*check)()) const {
  return {timeout.value_or(options_.block_timeout), timeout ? Limit::kTimeout : Limit::kBlockTimeout, check};
}

Patience Kernel::patience_of_request(std::optional<double> timeout, void (*check)()) const {
  const double seconds = answer_time(timeout);
  if (seconds > options_.block_timeout) return patience(std::nullopt, check);
  return {seconds, timeout ? Limit::kTimeout : Limit::kMessageTimeout, check, ErrorKind::kTimeout};
}

void Kernel::refuse(const Envelope& envelope, const Patience& patience, u64 messages) const {
  const bool blocks = options_.policy == Backpressure::kBlock;
  port_->mailbox.refuse(envelope, blocks ? patience.late : ErrorKind::kQueueFull,
                        full(envelope) + ": " +
                            (blocks ? "no room " + patience.text() : std::string("policy 'reject'")) +
                            "; activate the kernel, or " +
                            (blocks ? patience.remedy("launch with")
                                    : std::string("launch with more capacity or another policy")),
                        messages);
}

// For errors and dead letters: what is full, and of how many messages.
std::string Kernel::full(const Envelope& envelope) const {
  return port_->mailbox.place_of(envelope) + " is full (" + std::to_string(options_.capacity) + " messages" +
         (port_->bridge ? ", " + std::to_string(options_.staging_capacity) + " in the staging ring" : "") +
         ")";
}

bool Kernel::send(Envelope envelope, std::span<const u8> body, const std::string& type_name,
                  const Patience& patience) {
  return send(envelope, body, type_name, &patience) == Put::kSent;
}

std::optional<bool> Kernel::try_send(Envelope envelope, std::span<const u8> body,
                                     const std::string& type_name) {
  return told(send(envelope, body, type_name, nullptr));
}

std::optional<bool> Kernel::try_feed(const Envelope& envelope, std::span<const u8> body) {
  const std::string type =
      envelope.type_id ? "message type number " + std::to_string(envelope.type_id) : std::string();
  return told(send(envelope, body, type, nullptr, IfFull::kReturn));
}

std::optional<bool> Kernel::told(Put result) {
  if (result == Put::kFull) return std::nullopt;
  return result == Put::kSent;
}

std::optional<bool> Kernel::resend(const DeadLetter& letter, const Patience* patience) {
  Envelope envelope = letter.envelope;
  // A duplicate would be one again; what came by a link has no id yet.
  if (letter.reason == LetterReason::kDuplicate || letter.bare) fresh_id(envelope.message_id);
  envelope.timestamp_us = unix_us();
  return told(send(envelope, letter.body, "the dead letter's type", patience));
}

void Kernel::complete(Envelope* envelope) {
  envelope->receiver = i32(port_->index);
  if (!envelope->ttl_10ms) envelope->ttl_10ms = ttl_10ms_;
  // Relaxed: who runs the kernel reads it after it has claimed the message, which is published later.
  if (envelope->ttl_10ms && !atomic::load_relaxed(&port_->uses_ttl))
    atomic::store_relaxed(&port_->uses_ttl, 1U);
}

Kernel::Put Kernel::send(Envelope envelope, std::span<const u8> body, const std::string& type_name,
                         const Patience* patience, IfFull if_full) {
  check_usable();
  check_message(envelope, body.size(), type_name);
  complete(&envelope);
  envelope.sender = kNoEndpoint;
  envelope.sequence = atomic::add_relaxed(&sequence_, u64(1));
  const Put result = put(envelope, body, patience, if_full);
  runtime_->backend().notify(*port_);
  return result;
}

Kernel::Cell* Kernel::ask(Envelope envelope, std::span<const u8> body, const std::string& type_name,
                          const Patience& patience) {
  return ask(envelope, body, type_name, &patience);
}

Kernel::Cell* Kernel::try_ask(Envelope envelope, std::span<const u8> body, const std::string& type_name) {
  return ask(envelope, body, type_name, nullptr);
}

Kernel::Cell* Kernel::ask(Envelope envelope, std::span<const u8> body, const std::string& type_name,
                          const Patience* patience) {
  check_usable();
  if (grid_ == 1) check_elsewhere("request");
  check_message(envelope, body.size(), type_name);
  Cell* const cell = runtime_->replies_.take();
  complete(&envelope);
  ReplyPool::address(cell, &envelope);
  Put result = Put::kFull;
  try {
    result = put(envelope, body, patience, IfFull::kByPolicy);
  } catch (...) {
    runtime_->replies_.give_back(cell);
    throw;
  }
  if (result == Put::kSent) return cell;
  runtime_->replies_.give_back(cell);
  if (result == Put::kFull) return nullptr;
  throw Error(ErrorKind::kQueueFull,
              "the mailbox of kernel '" + name_ + "' is full and its policy dropped the request");
}

bool Kernel::push_on(Cell* cell, bool once) {
  Backend& backend = runtime_->backend();
  bool (*const done)(void*) = once ? &after_one_turn : &is_answered;
  if (!runtime_->options_.assist || !backend.assist(*port_, done, cell)) backend.notify(*port_);
  if (ReplyPool::answered(cell)) return true;
  // Partner enter() and a failure: when the kernel ended before the message came into its mailbox, it is seen here;
  // when after, the message is answered, and after a failure perhaps only soon: the error is the same.
  const State now = state();
  if (now != State::kTerminated && now != State::kFailed) return false;
  if (ReplyPool::answered(cell)) return true;
  if (now == State::kFailed) {
    throw Error(port_->failure_kind,
                failed_on(ReplyPool::request(cell).message_id) + "the kernel failed: " + failure());
  }
  throw Error(ErrorKind::kClosed,
              "kernel '" + name_ + "' was " + name_of(now) + " before it handled the message");
}

std::string Kernel::failed_on(const u32 (&message_id)[4]) const {
  return "kernel '" + name_ + "' failed on message " + text_of_id(message_id) + ": ";
}

Reply Kernel::wait(Cell* cell, const Wait& until, double timeout) {
  if (!push_on(cell, false)) {
    Backend& backend = runtime_->backend();
    const bool done =
        spin_for([&] { return ReplyPool::answered(cell); },
                 [&] { return runtime_->options_.assist && backend.assist(*port_, &is_answered, cell); });
    if (!done && !ReplyPool::wait(cell, until)) {
      throw Error(ErrorKind::kTimeout,
                  "kernel '" + name_ + "' (" + name_of(state()) + ") did not answer message " +
                      text_of_id(ReplyPool::request(cell).message_id) + " within " + seconds_text(timeout));
    }
  }
  return read(cell);
}

Reply Kernel::read(Cell* cell) const {
  if (ReplyPool::shut(cell)) throw Error(ErrorKind::kClosed, "the runtime was closed before the answer came");
  const Reply reply = ReplyPool::reply(cell);
  if (!(reply.envelope->flags & kEnvelopeError)) return reply;
  const std::string text(reinterpret_cast<const char*>(reply.body.data()), reply.body.size());
  const auto kind = static_cast<ErrorKind>(reply.envelope->type_id);
  if (kind != ErrorKind::kHandler) throw Error(kind, text);
  throw Error(kind, failed_on(reply.envelope->correlation_id) + text);
}

bool Kernel::try_receive(Message* message) {
  Consumer<Atomics, true> consumer;
  consumer.ring = port_->outbox.ring();
  for (bool taken = false; !taken;) {
    u64 ticket;
    if (!port_->outbox.claim_next(&ticket, [&](u32 bytes) { message->body.reserve(bytes); })) return false;
    const u8* from = payload_at(consumer.ring, ticket);
    const u32 bytes = consumer.size(ticket);
    taken = bytes >= sizeof(Envelope);  // else the kernel reserved the slot and did not use it
    if (taken) {
      std::memcpy(&message->envelope, from, sizeof(Envelope));
      message->body.assign(from + sizeof(Envelope), from + bytes);
    }
    consumer.release(ticket);
  }
  // The kernel may have stopped at a full queue.
  if (take_held_back(*port_)) runtime_->backend().notify(*port_);
  return true;
}

bool Kernel::receive(Message* message, const Wait& until) {
  Backend& backend = runtime_->backend();
  auto ready = [&] {
    if (try_receive(message)) return true;
    // What an ended kernel had sent may be on its way still.
    if (port_->bridge && state() != State::kActive && port_->bridge->turn() && try_receive(message))
      return true;
    runtime_->check_usable();
    if (!ended()) return false;
    if (try_receive(message)) return true;  // the last it sent
    check_usable();
    return false;
  };
  runtime_->check_usable();
  if (ready()) return true;
  if (until.over()) return false;
  auto attempt = [&] {
    return runtime_->options_.assist && backend.assist(*port_, &has_output, port_.get());
  };
  if (spin_for(ready, attempt)) return true;
  return port_->output.wait(until, ready);
}

bool Kernel::watch(CompletionPort* port, std::uint64_t token) {
  port_->watcher = {port, nullptr, token};
  // SYNC: partner announce_output(): it sees the mark, or this sees what it announces.
  atomic::exchange_seq_cst(&port_->watched, 1U);
  if (!has_output(port_.get()) && !ended() && !runtime_->closed()) return true;
  // SYNC: partner announce_output(): only one of the two takes the mark.
  return atomic::exchange_seq_cst(&port_->watched, 0U) == 0;
}

}  // namespace ringway
