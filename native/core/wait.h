// How a thread waits: spin, yield, then park. Parking is a futex where the system has one, else a table of
// condition variables (wait_futex.cpp, wait_portable.cpp; CMake chooses).
#pragma once
#include <cstdint>
#include <limits>

#include "ringway/atomics_runtime.h"

namespace ringway {

// Nanoseconds of the steady clock.
std::int64_t now_ns();
// Microseconds since the Unix epoch, by the system's clock when the process first asked and the steady one since: a
// message neither expires nor lives on because somebody set the clock.
std::uint64_t unix_us();
// The same, cheaper, and late by as much as a tick of the system where it has such a clock (4 ms on Linux).
std::uint64_t coarse_unix_us();
// Nanoseconds of the steady clock, as late.
std::int64_t coarse_now_ns();

// Sleeps while *word == expected, at most `timeout_ns`; may wake early for no reason.
void park(const u32* word, u32 expected, std::int64_t timeout_ns);
// Wakes threads parked on `word`.
void unpark_one(const u32* word);
void unpark_all(const u32* word);

// The end of a wait, and what must be looked at while it lasts: `check`, called every few tens of
// milliseconds, may throw to end it (the bindings look for signals there).
struct Wait {
  static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t kSlice = 50'000'000;

  std::int64_t deadline = kForever;  // of now_ns()
  void (*check)() = nullptr;
  const u32* cut = nullptr;  // ends the wait early, as the deadline does, once somebody has stored 1

  // A negative number of seconds waits forever.
  static Wait seconds(double timeout, void (*check)() = nullptr);
  bool over() const {
    return (cut && atomic::load_relaxed(cut)) || (deadline != kForever && now_ns() >= deadline);
  }
  // How long the next sleep may be, at most `longest`.
  std::int64_t slice(std::int64_t longest = kSlice) const;
};

// Threads that wait for something which the notifier publishes before it calls notify().
class Signal {
 public:
  void notify();

  // Returns true as soon as ready() does, false at the deadline.
  template <class Ready>
  bool wait(const Wait& until, Ready ready) {
    if (ready()) return true;
    // SYNC: partner notify(): either it sees this waiter, or the epoch read below is its new one and what it
    // published is seen by ready().
    atomic::add_seq_cst(&waiters_, 1U);
    Leave leave{this};
    for (;;) {
      const u32 epoch = atomic::load_seq_cst(&epoch_);  // SYNC: partner add_seq_cst in notify()
      if (ready()) return true;
      if (until.over()) return false;
      park(&epoch_, epoch, until.slice());
      if (until.check) until.check();
    }
  }

 private:
  struct Leave {
    Signal* signal;
    // SYNC: none needed; a late count only costs a wake.
    ~Leave() { atomic::sub_seq_cst(&signal->waiters_, 1U); }
  };
  u32 epoch_ = 0;
  u32 waiters_ = 0;
};

}  // namespace ringway
