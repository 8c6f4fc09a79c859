// A worker slot: kernels that share one thread's caches. Whoever holds the lock runs them: the slot's own
// thread, or a caller that waits for an answer.
//
// 1. A sender publishes its message, then marks the kernel scheduled; if it was not, it pushes it on the
// remote list.
// 2. The holder of the lock takes the remote list into its own, takes kernels from the front, clears the
// mark, and only
//    then looks at their inputs: a message that it misses has a sender that finds the mark cleared.
// 3. Who pushed wakes the slot's thread if that sleeps and nobody holds the lock. Who lets go of the lock
// looks at
//    the lists once more and does the same. So no message is left to nobody.
// 4. A kernel without room for its output is set aside, and comes back when room is made, when other input
// arrives,
//    or after a short sleep.
// 5. Whoever holds the lock runs the ticks of timers that are due; the slot's thread sleeps no longer than until the next.
#pragma once
#include <functional>
#include <thread>
#include <utility>

#include "backends/cpu/instance.h"

namespace ringway::cpu {

// Kernels in the order in which they came, linked by a member of theirs: takes no memory, so that none can be missing
// in a worker's thread.
template <Instance* Instance::* Next>
class KernelRow {
 public:
  u32 size() const { return size_; }
  void push_back(Instance* kernel) {
    kernel->*Next = nullptr;
    (last_ ? last_->*Next : first_) = kernel;
    last_ = kernel;
    ++size_;
  }
  // Null when there is none.
  Instance* pop_front() {
    Instance* const kernel = first_;
    if (!kernel) return nullptr;
    first_ = kernel->*Next;
    if (!first_) last_ = nullptr;
    --size_;
    return kernel;
  }
  template <class Visit>
  void each(Visit visit) const {
    for (Instance* at = first_; at; at = at->*Next) visit(*at);
  }
  bool erase(const Instance* kernel) {
    Instance* before = nullptr;
    for (Instance* at = first_; at; before = std::exchange(at, at->*Next)) {
      if (at != kernel) continue;
      (before ? before->*Next : first_) = at->*Next;
      if (last_ == at) last_ = before;
      --size_;
      return true;
    }
    return false;
  }

 private:
  Instance* first_ = nullptr;
  Instance* last_ = nullptr;
  u32 size_ = 0;
};

class Worker {
 public:
  // `leave`, if any, is the last that its thread calls; not after abandon().
  Worker(u32 number, bool may_spin, std::function<void()> leave = {});
  ~Worker();
  void start();
  void stop();

  u32 number() const { return number_; }
  bool busy() const { return atomic::load_relaxed(&locked_); }    // somebody runs the slot's kernels
  bool wanted() const { return atomic::load_relaxed(&wanted_); }  // somebody waits for the lock

  bool try_lock();
  // Ahead of the slot's own thread. False when a handler has held it for `patience` nanoseconds, 0 = no limit, or
  // `until` is over.
  bool lock_for(std::int64_t patience, const Wait& until);
  void lock() { lock_for(0, {}); }
  void unlock();  // hands what is left to the slot's thread

  // From any thread, after it published something for `kernel`.
  void notify(Instance& kernel);
  // From the holder of the lock.
  void schedule(Instance& kernel);
  // From the holder of the lock: the kernel moves to another worker. Who was about to push it here, or has, is made up
  // for by run_scheduled().
  void let_go(Instance& kernel);
  // Runs what is scheduled, each kernel once; false when there was nothing, or nothing moved.
  bool run_scheduled();
  // Takes the kernel out of the lists for good.
  void forget(Instance& kernel);
  // From any thread: whether the kernel's idle policy counts; the most eager of those that do is the worker's.
  void ask_idle(Instance& kernel, bool on);

  // Whether its thread never sleeps.
  bool spins() const { return may_spin_ && atomic::load_relaxed(&spinning_kernels_); }

  // Stops without waiting for a handler that does not return; the worker must then live for ever.
  void abandon();

  // Which turn of which kernel: an odd number while the kernel runs.
  struct Beat {
    u64 turn;
    u32 kernel;  // its endpoint
    bool in_handler() const { return turn & 1; }
  };
  Beat beat() const {
    // SYNC: partner store_release in run(): the kernel is that of the turn, or of the next one.
    return {atomic::load_acquire(&turn_), atomic::load_relaxed(&turns_kernel_)};
  }

  // Times that the slot's thread has looked for work and found none.
  u64 idle_loops() const { return atomic::load_relaxed(&idle_loops_); }

 private:
  enum Sleep : u32 { kAwake, kUntilWoken, kForAWhile };

  void push(Instance& kernel);
  // Runs a kernel that was just taken from the list; false when nothing moved.
  bool run(Instance& kernel);
  void thread_main();
  void merge_remote();
  void mirror();
  void start_timers(Instance& kernel);
  void schedule_due();
  void due_at(std::int64_t when);
  bool due() const;
  bool work_waits() const;
  void retry_stalled();
  void sleep(std::int64_t backoff, u32* spins);
  void wake();

  const u32 number_;
  const bool may_spin_;
  const u32 spins_before_park_;
  const std::function<void()> leave_;
  std::thread thread_;

  alignas(kIndexLine) u32 locked_ = 0;
  u32 wanted_ = 0;
  alignas(kIndexLine) Instance* remote_ = nullptr;
  u32 sleep_ = kAwake;
  u32 stop_ = 0;
  u32 spinning_kernels_ = 0;
  u32 polling_kernels_ = 0;
  std::int64_t poll_ns_ = 0;
  // The slot's own thread's, while it finds nothing: away from what a caller that runs a kernel looks at.
  alignas(kIndexLine) u64 idle_loops_ = 0;

  // The lock's holder's.
  alignas(kIndexLine) KernelRow<&Instance::next_ready> ready_;
  KernelRow<&Instance::next_stalled> stalled_;
  KernelRow<&Instance::next_timed> timed_;
  bool only_ticks_ = false;  // nothing but ticks was done since the thread took the lock
  u64 turn_ = 0;
  u32 turns_kernel_ = 0;
  // Mirrors of the two sizes, for others, away from what each turn writes.
  alignas(kIndexLine) u32 ready_count_ = 0;
  u32 stalled_count_ = 0;
  std::int64_t next_due_ = Timer::kNever;  // no tick is due before; of kernels that run and are not stalled
  std::int64_t sleeps_until_ = 0;          // the slot's own thread's: what that was when it went to sleep
};

}  // namespace ringway::cpu
