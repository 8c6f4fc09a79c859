// Runs the threads of one group on one thread of the system, one after the other, each on a fiber that it leaves at
// barriers.
//
// 1. The first fiber runs thread 0, then 1, and so on: a kernel whose threads meet no barrier costs no switch.
// 2. A thread that comes to a barrier leaves its fiber there, and the next fiber takes the next thread.
// 3. When every thread has come to the barrier, each goes on in turn as far as the next one, or its end.
// 4. A thread that ends while another waits, or that waits at another barrier, makes the group fail: the waiting ones
//    are unwound, and the group says who was where. It never hangs.
//
// Stacks are made when they are first needed and kept; below each lies a page that must not be touched.
#pragma once
#include <string>
#include <vector>

#include "backends/cpu/fiber_stack.h"
#include "ringway/grid.h"

namespace ringway::cpu {

class GroupRunner {
 public:
  using Body = void (*)(void* argument, u32 thread);

  GroupRunner();
  ~GroupRunner();
  GroupRunner(const GroupRunner&) = delete;
  GroupRunner& operator=(const GroupRunner&) = delete;

  // Threadgroup memory, kMostGroupBytes of it.
  u8* memory() { return memory_; }

  // Runs body(argument, t) for each t below `threads`; false when they did not all meet the same barriers.
  bool run(u32 threads, Body body, void* argument);
  // What went wrong in a run that returned false.
  const std::string& failure() const { return failure_; }
  // Puts where that was in front.
  void locate(const std::string& place) { failure_ = place + ": " + failure_; }

  // From a body: waits for the other threads of the group. `place` tells one barrier from another.
  void barrier(u32 place);

 private:
  struct Abandon {};
  struct Fiber : FiberStack {
    GroupRunner* runner = nullptr;
    u32 thread = 0;
    u32 place = 0;
    bool waiting = false;
  };

  static void fiber_main(void* argument);
  Fiber& fiber(u32 number);
  void run_threads(Fiber& fiber);
  // Goes on elsewhere; returns when `from` has its turn again.
  void leave(Fiber& from);
  // The stack whose turn it is once `from` has nothing to do.
  FiberStack& following();
  std::string disagreement() const;

  std::vector<Fiber*> fibers_;
  FiberStack own_;  // of the thread that called run()
  u8* memory_;

  Body body_ = nullptr;
  void* argument_ = nullptr;
  u32 threads_ = 0;
  u32 next_ = 0;            // thread that has not begun
  u32 used_ = 0;            // fibers that have had a thread
  u32 current_ = 0;         // fiber that runs
  u32 waiting_ = 0;         // threads at a barrier
  u32 place_ = 0;           // barrier of the first of them
  bool scattered_ = false;  // they are not all at that one
  bool abandoned_ = false;
  std::string failure_;
};

}  // namespace ringway::cpu
