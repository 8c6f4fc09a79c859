// One threadgroup in progress. Its threads are fibers of the system's thread that advances it: one fiber runs thread after
// thread until one has to wait, so that kernels without barriers switch nothing.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/fiber.h"
#include "engine/dispatch.h"
#include "engine/group_memory.h"
#include "engine/host_view.h"
#include "engine/late_stores.h"
#include "engine/random.h"
#include "engine/tsan.h"

namespace softmetal {

// What the threadgroups of dispatches that run together share.
struct Run {
  Failure& failure;
  double deadline;
  uint64_t seed;  // 0: plain order
  Random random;
  LateStores late;  // only under a seed, when one thread of the system runs all
  HostViews* views;
  tsan::Moment begin, end;
};

class Group {
 public:
  Group();
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  void begin(const Dispatch& dispatch, uint64_t number, Run& run);
  // Goes on until all threads have ended (false), or some ask that others may run (true).
  bool advance();

  // From the kernel, on one of its fibers.
  void wait(sm_wait kind, bool device_memory, int line);
  void let_others_run();
  void store_late(volatile void* to, const void* value, unsigned size);
  void settle(const volatile void* of);
  void see_host(const volatile void* at, bool surely);
  bool fails_for_no_reason();
  // Ends the threadgroup where the thread stands. Async-signal-safe.
  [[noreturn]] void stop(int code, const char* what);
  [[noreturn]] void stop_at_fault(int signal, const void* address);

  bool in_kernel() const { return in_kernel_; }
  double deadline() const { return run_->deadline; }
  const LateStores& late() const { return run_->late; }

  // The one whose kernel runs on this thread of the system.
  static thread_local Group* current;

 private:
  enum class State : unsigned char { kNew, kRunning, kEnded, kAtGroupBarrier, kAtSimdBarrier, kYielded };
  struct Fiber {
    ringway::cpu::Suspended suspended = nullptr;
    char* stack = nullptr;
  };
  struct Threads {  // what kernels touch, mapped on its own
    sm_group group;
    sm_thread threads[SM_GROUP_THREADS];
  };

  static void run_threads(void* group);
  void start(unsigned thread);
  void resume(unsigned thread);
  void enter(unsigned fiber);
  void suspend();
  unsigned take_fiber();
  void shuffle();
  bool resume_yielded();
  bool release_simdgroups();
  bool release_simdgroup(unsigned first, unsigned last);
  void release_group();
  void fail(int code, const std::string& what);
  void finish();
  std::string where() const;

  Run* run_ = nullptr;
  const Dispatch* dispatch_ = nullptr;
  Threads* shared_;
  GroupMemory memory_;
  std::vector<Fiber> fibers_;
  std::vector<unsigned> idle_;
  State state_[SM_GROUP_THREADS];
  int site_[SM_GROUP_THREADS];  // line of the barrier
  unsigned fiber_of_[SM_GROUP_THREADS];
  unsigned order_[SM_GROUP_THREADS];
  unsigned count_ = 0, next_ = 0, ended_ = 0, running_ = 0, fiber_ = 0;
  bool fiber_done_ = false;
  volatile bool in_kernel_ = false;
  volatile int stopped_ = 0;  // the code of the failure, or kAborted
  char what_[512];
  ringway::cpu::Suspended scheduler_ = nullptr;
  void* own_ = nullptr;
  Random random_{0};
  std::vector<tsan::Moment> moments_;
  unsigned turn_ = 0;
  tsan::Moment* moment_ = nullptr;
};

}  // namespace softmetal
