#include "backends/cpu/group.h"

#include <algorithm>
#include <new>

#include "backends/cpu/stack_memory.h"

namespace ringway::cpu {
namespace {

// Stacks lie a multiple of a page apart; shifted tops keep their frames out of one another's cache sets.
std::size_t shift_of(u32 number) {
  constexpr std::size_t kShift = 320;
  constexpr u32 kShifts = 12;
  return number % kShifts * kShift;
}

}  // namespace

GroupRunner::GroupRunner()
    : memory_(static_cast<u8*>(::operator new(kMostGroupBytes, std::align_val_t(kIndexLine)))) {
  fibers_.reserve(kMostGroupThreads);
}

GroupRunner::~GroupRunner() {
  for (Fiber* fiber : fibers_) {
    close_stack(*fiber);
    unmap_stack(const_cast<void*>(fiber->bottom));
    delete fiber;
  }
  ::operator delete(memory_, std::align_val_t(kIndexLine));
}

GroupRunner::Fiber& GroupRunner::fiber(u32 number) {
  while (number >= fibers_.size()) {
    void* stack = map_stack();
    Fiber& made = *fibers_.emplace_back(new Fiber);
    made.bottom = stack;
    made.bytes = kStackBytes;
    made.runner = this;
    open_stack(made);
    made.suspended = prepare_fiber(stack, kStackBytes - shift_of(u32(fibers_.size())), &fiber_main, &made);
  }
  return *fibers_[number];
}

bool GroupRunner::run(u32 threads, Body body, void* argument) {
  body_ = body;
  argument_ = argument;
  threads_ = threads;
  next_ = 0;
  used_ = 1;
  current_ = 0;
  waiting_ = 0;
  scattered_ = false;
  abandoned_ = false;
  failure_.clear();
  fiber(threads - 1);  // no stack is missing once threads run
  take_own_stack(own_);
  switch_stack(own_, *fibers_[0]);
  if (failure_.empty()) return true;
  abandoned_ = true;
  for (u32 number = 0; number < used_; ++number) {
    if (fibers_[number]->waiting) switch_stack(own_, *fibers_[number]);
  }
  return false;
}

void GroupRunner::fiber_main(void* argument) {
  Fiber& fiber = *static_cast<Fiber*>(argument);
  begin_on_stack(fiber);
  for (;;) {
    fiber.runner->run_threads(fiber);
    fiber.runner->leave(fiber);
  }
}

void GroupRunner::run_threads(Fiber& fiber) {
  try {
    while (next_ < threads_) {
      fiber.thread = next_++;
      body_(argument_, fiber.thread);
    }
  } catch (const Abandon&) {
    fiber.waiting = false;
  }
}

void GroupRunner::barrier(u32 place) {
  Fiber& fiber = *fibers_[current_];
  fiber.waiting = true;
  fiber.place = place;
  if (waiting_++ == 0) place_ = place;
  scattered_ |= place != place_;
  leave(fiber);
  if (abandoned_) throw Abandon{};
  fiber.waiting = false;
}

void GroupRunner::leave(Fiber& from) {
  FiberStack& to = following();
  if (&to != &from) switch_stack(from, to);
}

FiberStack& GroupRunner::following() {
  if (abandoned_) return own_;
  if (next_ < threads_) {
    current_ = used_++;
    return *fibers_[current_];
  }
  if (++current_ < used_) return *fibers_[current_];
  // Each thread has had its turn.
  if (waiting_ == 0) return own_;
  if (waiting_ != threads_ || scattered_) {
    failure_ = disagreement();
    return own_;
  }
  waiting_ = 0;
  current_ = 0;
  return *fibers_[0];
}

std::string GroupRunner::disagreement() const {
  const auto in_use = fibers_.begin() + used_;
  const auto waits = std::find_if(fibers_.begin(), in_use, [](const Fiber* f) { return f->waiting; });
  const std::string one = "thread " + std::to_string((*waits)->thread) + " waits at the barrier in line " +
                          std::to_string((*waits)->place);
  if (!scattered_) {
    return one + ", which only " + std::to_string(waiting_) + " of " + std::to_string(threads_) +
           " threads reached; the others have ended";
  }
  const auto elsewhere =
      std::find_if(waits, in_use, [&](const Fiber* f) { return f->waiting && f->place != (*waits)->place; });
  return one + ", thread " + std::to_string((*elsewhere)->thread) + " at the one in line " +
         std::to_string((*elsewhere)->place);
}

}  // namespace ringway::cpu
