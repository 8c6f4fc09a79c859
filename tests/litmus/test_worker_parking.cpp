// A worker that goes to sleep while a message comes: each message is sent as near as can be to the moment at which the
// worker parks. A wake-up that is lost leaves the message unanswered, as workers sleep until they are woken.
// The pause before a message is led by what came of the last one: longer when the worker was still awake.
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <functional>
#include <random>
#include <thread>

#include "core/cores.h"
#include "litmus/os_parking.h"
#include "native/queue/harness.h"
#include "native/runtime_harness.h"

namespace ringway {
namespace {

constexpr std::int64_t kUntilWokenAtLeast = 60'000'000'000;  // ns; shorter sleeps end by themselves
u32 asleep = 0;

}  // namespace

void park(const u32* word, u32 expected, std::int64_t timeout_ns) {
  const bool until_woken = timeout_ns >= kUntilWokenAtLeast;
  if (until_woken) atomic::add_relaxed(&asleep, 1U);
  os_park(word, expected, timeout_ns);
  if (until_woken) atomic::add_relaxed(&asleep, ~0U);
}
void unpark_one(const u32* word) {
  os_unpark_one(word);
}
void unpark_all(const u32* word) {
  os_unpark_all(word);
}

namespace test {
namespace {

// Without parking, so that the next message can be sent at once.
bool answered(Kernel& kernel) {
  constexpr std::int64_t kPatience = 30'000'000'000;  // ns
  const std::int64_t end = now_ns() + kPatience;
  Message message;
  for (u32 i = 1; !kernel.try_receive(&message); ++i) {
    if (i % 1000 == 0) std::this_thread::yield();
    if (now_ns() >= end) return false;
    atomic::relax();
  }
  return true;
}

// The worker on one core and the sender on another, where the system can be told so and there are two: side by side the
// two would take turns.
constexpr u32 kAnywhere = ~0U;
void run_on(u32 nth) {
#ifdef __linux__
  static const cpu_set_t all = [] {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof(allowed), &allowed);
    return allowed;
  }();
  cpu_set_t one;
  CPU_ZERO(&one);
  if (nth == kAnywhere) one = all;
  for (int core = 0; core < CPU_SETSIZE && !CPU_COUNT(&one); ++core) {
    if (CPU_ISSET(core, &all) && !nth--) CPU_SET(core, &one);
  }
  if (CPU_COUNT(&one)) sched_setaffinity(0, sizeof(one), &one);
#else
  (void)nth;
#endif
}

TEST(WorkerParking, AMessageIsSeenOrWakes) {
  run_on(1);  // the worker inherits it
  const auto runtime = start(1, false);
  run_on(0);
  const struct Unpin {
    ~Unpin() { run_on(kAnywhere); }
  } unpin;
  const auto echo = runtime->launch("echo", "", {}, 1, 1);
  echo->activate();
  std::mt19937 random(1);
  std::int64_t pause = 100'000;  // ns
  constexpr std::int64_t kStep = 100, kLongest = 10'000'000;
  u32 found_asleep = 0;
  const u32 messages = testing::full_run() ? 2'000'000 : 30'000;
  for (u32 i = 0; i < messages; ++i) {
    const std::int64_t at = now_ns() + pause + std::int64_t(random() % 300);
    while (now_ns() < at) atomic::relax();
    const bool slept = atomic::load_relaxed(&asleep) != 0;
    found_asleep += slept;
    send(*echo, "x");
    ASSERT_TRUE(answered(*echo)) << "message " << i << ": the worker sleeps beside it";
    pause = std::clamp(pause + (slept ? -kStep : kStep), std::int64_t(0), kLongest);
  }
  runtime->close();
  EXPECT_GT(found_asleep, 0U) << "the worker never slept: nothing could be lost";
}

// Until so many have slept for so many nanoseconds, and none was just about to wake.
void settle(u32 number, std::int64_t lasting = 50'000'000) {
  for (std::int64_t since = now_ns(); now_ns() - since < lasting;) {
    if (atomic::load_relaxed(&asleep) != number) since = now_ns();
    std::this_thread::yield();
  }
}

// Answers with the thread that runs it.
struct TellsThread {
  struct State {
    u64 unused;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32, u32, State*, DrainStatus* status) {
    const std::size_t thread = std::hash<std::thread::id>{}(std::this_thread::get_id());
    u8* const answer = ctx->reserve_answer(envelope(first), 0, sizeof(thread));
    if (!answer) {
      status->code = kAgain;
      return 0;
    }
    std::memcpy(answer, &thread, sizeof(thread));
    ctx->commit_answer(sizeof(thread));
    return 1;
  }
};

TEST(WorkerParking, ACallerThatMayRunsTheKernelItself) {
  cpu::add_entry(
      cpu::kernel_of<TellsThread>({.name = "tells thread", .accepts = {}, .emits = {}, .errors = {}}));
  constexpr u32 kCalls = 100;
  const std::size_t caller = std::hash<std::thread::id>{}(std::this_thread::get_id());
  for (const bool assist : {true, false}) {
    const auto runtime = start(1, assist);
    const auto kernel = runtime->launch("tells thread", "", {}, 1, 1);
    kernel->activate();
    u32 here = 0;
    for (u32 i = 0; i < kCalls; ++i) {
      settle(1, 1'000'000);  // the worker holds nothing
      const std::string told = ask(*kernel, "x");
      std::size_t thread = 0;
      ASSERT_EQ(told.size(), sizeof(thread));
      std::memcpy(&thread, told.data(), sizeof(thread));
      here += thread == caller;
    }
    // Not all: on a busy machine the worker may hold its lock for a moment more, and then it answers.
    EXPECT_EQ(here != 0, assist) << here << " of " << kCalls;
    runtime->close();
  }
}

TEST(WorkerParking, OneCoreIsLeftToOthersWhenKernelsSpin) {
  const u32 cores = usable_cores();
  if (cores < 2) GTEST_SKIP() << "one core: the only worker may spin";
  const auto runtime = start(cores);
  LaunchOptions options;
  options.idle = Idle::kSpin;
  for (u32 i = 0; i < cores; ++i) {
    options.worker = i;
    const auto echo = runtime->launch("echo", "", options, 1, 1);
    echo->activate();
    EXPECT_EQ(ask(*echo, "x"), "x");
  }
  settle(1);
  runtime->close();
}

}  // namespace
}  // namespace test
}  // namespace ringway
