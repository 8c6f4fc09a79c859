// A kernel's transitions, and its end.
#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "core/runtime.h"
#include "core/user_kernel.h"

namespace ringway {

void Kernel::enter(State to) {
  const State from = state();
  if (to != from) {
    log::info({"transition", name_, runtime_->name()},
              [&] { return "kernel '" + name_ + "': " + name_of(from) + " -> " + name_of(to); });
  }
  // SYNC: partner the senders' load after their publish: see push_on()
  atomic::exchange_seq_cst(&state_, u32(to));
  if (to != from) record_state(to);
}

void Kernel::record_state(State now) const {
  Recorder& recorder = runtime_->recorder();
  if (recorder.on()) recorder.put(RecordKind::kState, port_->index, 0, u32(now), {});
}

void Kernel::activate(void (*check)()) {
  runtime_->check_usable();
  if (!handling_here().place) check_elsewhere("activate");  // while it is being replaced
  (void)after(state(), Event::kActivate, name_);
  const auto held = runtime_->hold(changing_, check);
  const State to = after(state(), Event::kActivate, name_);
  runtime_->backend().activate(*port_);
  enter(to);
}

void Kernel::deactivate(void (*check)()) {
  runtime_->check_usable();
  check_elsewhere("deactivate");
  (void)after(state(), Event::kDeactivate, name_);
  const auto held = runtime_->hold(changing_, check);
  const State from = state();
  const State to = after(from, Event::kDeactivate, name_);
  Backend& backend = runtime_->backend();
  backend.deactivate(*port_);
  try {
    backend.quiesce(port_.get(), runtime_->patient(check));
  } catch (...) {
    if (from == State::kActive) backend.activate(*port_);
    throw;
  }
  enter(to);
}

TerminateReport Kernel::terminate(bool drain, const Wait& until) {
  runtime_->check_usable();
  check_elsewhere("terminate");
  const auto self = shared_from_this();
  const bool joins = atomic::load_acquire(&ending_) != 0;  // SYNC: partner store_release in begin_end(): cut_
  if (joins && drain) {
    throw Error(ErrorKind::kInvalidState,
                "kernel '" + name_ +
                    "' is being terminated by another call; terminate(drain=False) cuts its drain short");
  }
  if (joins) cut_drain();
  const auto held = runtime_->hold(changing_, until.check);
  if (joins && report_) return *report_;
  end({{self}}, drain, until);
  return *report_;
}

void Kernel::end(const std::vector<Group>& groups, bool drain, const Wait& until) {
  struct Attempt {
    std::vector<Kernel*> begun;
    ~Attempt() {
      for (Kernel* kernel : begun) kernel->give_up_end();
    }
  } attempt;
  for (const Group& group : groups) {
    for (const auto& kernel : group) {
      attempt.begun.push_back(kernel.get());
      kernel->begin_end();
    }
  }
  // All run while the first drain, so that what these send finds room.
  for (Kernel* kernel : attempt.begun) {
    if (drain && !kernel->has_failed()) kernel->runtime_->backend().activate(*kernel->port_);
  }
  for (const Group& group : groups) {
    if (drain) Kernel::drain(group, until);
    // All stop before the first has gone, so that what they send each other is left over, not lost on a closed link.
    for (const auto& kernel : group) kernel->runtime_->backend().deactivate(*kernel->port_);
    for (const auto& kernel : group) {
      kernel->runtime_->backend().quiesce(kernel->port_.get(), kernel->runtime_->patient(until.check));
    }
    for (const auto& kernel : group) {
      kernel->finish_end(until.check);
      kernel->runtime_->forget(*kernel);
    }
  }
}

void Kernel::begin_end() {
  const bool resumes = retiring_ && !report_;
  const State to = resumes ? State::kTerminated : after(state(), Event::kTerminate, name_);
  atomic::store_relaxed(&cut_, 0U);
  // SYNC: partner load_acquire in terminate(): a cut that sees it comes after the line above.
  atomic::store_release(&ending_, 1U);
  if (resumes) return;
  before_end_ = u32(entered());
  // Relaxed: who takes the worker's lock afterwards sees it, as a drain does before it looks what is left.
  atomic::store_relaxed(&port_->ends, 1U);
  enter(to);
}

void Kernel::give_up_end() {
  if (!atomic::load_relaxed(&ending_)) return;
  if (!retiring_) {
    Backend& backend = runtime_->backend();
    atomic::store_relaxed(&port_->ends, 0U);  // relaxed: ticks come sooner or later
    const bool was_active = before_end_ == u32(State::kActive);
    was_active ? backend.activate(*port_) : backend.deactivate(*port_);
    atomic::exchange_seq_cst(&state_, before_end_);  // SYNC: as in enter()
    record_state(state());
  }
  atomic::store_release(&ending_, 0U);  // SYNC: partner load_acquire in ended(): the state
  announce_output(*port_);
}

void Kernel::drain(const Group& kernels, const Wait& caller) {
  constexpr std::int64_t kShortest = 20'000, kLongest = 1'000'000;
  const u32 never = 0;
  Wait until = caller;
  until.cut = &kernels.front()->cut_;
  const auto cut = [](const auto& kernel) { return atomic::load_relaxed(&kernel->cut_) != 0; };
  const auto all_processed = [&] {
    u64 sum = 0;
    for (const auto& kernel : kernels) sum += kernel->processed();
    return sum;
  };
  for (std::int64_t pause = kShortest;; pause = std::min(2 * pause, kLongest)) {
    const u64 before = all_processed();
    bool left = false;
    for (const auto& kernel : kernels) {
      // A handler that asks to be deactivated is not to leave behind what the drain is for.
      if (atomic::load_relaxed(&kernel->port_->left)) kernel->runtime_->backend().activate(*kernel->port_);
      left |= !kernel->has_failed() && kernel->runtime_->backend().has_input(*kernel->port_, until);
    }
    if (!left && all_processed() == before) return;
    if (until.over() || std::any_of(kernels.begin(), kernels.end(), cut)) return;
    if (until.check) until.check();
    if (left) park(&never, 0, until.slice(pause));
  }
}

void Kernel::finish_end(void (*check)()) {
  retiring_ = true;
  const u64 left = runtime_->backend().retire(*port_, runtime_->patient(check));
  atomic::store_relaxed(&ended_at_, now_ns());
  report_ = {processed(), left, double(ended_at_ - launched_at_) * 1e-9};
  atomic::store_release(&ending_, 0U);  // SYNC: partner load_acquire in ended(): its last messages
  announce_room(*port_);
  announce_output(*port_);
}

// What was handled while telemetry was off was handled too.
u64 Kernel::processed() const {
  return snapshot(port_->controls).processed + snapshot(port_->unseen).processed;
}

}  // namespace ringway
