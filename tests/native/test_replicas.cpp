// Kernels of several replicas: one mailbox, handlers at the same time, one life.
#include <algorithm>
#include <thread>

#include "runtime_harness.h"

namespace ringway::test {
namespace {

constexpr auto kLong = std::chrono::seconds(20);

u32 inside = 0;       // handlers of Meets at this moment
u32 most_inside = 0;  // that were there at once
u32 let_go = 0;       // whether they may leave alone

// Answers with the word that counts this replica's messages. Waits inside for company.
struct Meets {
  struct State {
    u64 seen;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32 stride, u32 n, State* state, DrainStatus* status) {
    for (u32 i = 0; i < n; ++i) {
      const auto end = std::chrono::steady_clock::now() + kLong;
      atomic::add_relaxed(&inside, 1U);
      while (!atomic::load_relaxed(&let_go) && std::chrono::steady_clock::now() < end) {
        const u32 now = atomic::load_relaxed(&inside);
        if (now > atomic::load_relaxed(&most_inside)) atomic::store_relaxed(&most_inside, now);
        if (now >= 2) atomic::store_relaxed(&let_go, 1U);
        std::this_thread::yield();
      }
      atomic::add_relaxed(&inside, ~0U);
      u8* const request = first + std::size_t(i) * stride;
      if (text_of({body(request), body_bytes(request)}) == "throw") throw std::runtime_error("out of luck");
      u8* const to = ctx->reserve_answer(envelope(request), 0, body_bytes(request));
      if (!to) {
        status->code = kAgain;
        return i;
      }
      copy_bytes(to, body(request), body_bytes(request));
      ctx->commit_answer(body_bytes(request));
      ++state->seen;
    }
    return n;
  }
};

class Replicas : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    cpu::add_entry(cpu::kernel_of<Meets>({.name = "meets", .accepts = {}, .emits = {}, .errors = {}}));
    inside = most_inside = let_go = 0;
  }
  void TearDown() override { runtime->close(); }
  std::shared_ptr<Kernel> launch(const std::string& kernel, std::int64_t grid,
                                 const LaunchOptions& options = {}) {
    auto launched = runtime->launch(kernel, "", options, grid);
    launched->activate();
    return launched;
  }
  std::shared_ptr<Runtime> runtime = start(3, GetParam());
};
INSTANTIATE_TEST_SUITE_P(Assist, Replicas, testing::Bool());

TEST_P(Replicas, HandleAtTheSameTime) {
  auto kernel = launch("meets", 2);
  send(*kernel, "a");
  send(*kernel, "b");
  std::vector<std::string> answers{receive(*kernel, 60), receive(*kernel, 60)};
  std::sort(answers.begin(), answers.end());
  EXPECT_EQ(answers, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(most_inside, 2U);
}

// The second message comes while the first is being handled: the sender finds the free worker.
TEST_P(Replicas, AFreeOneTakesWhatComesWhileAnotherIsBusy) {
  auto kernel = launch("meets", 3);
  send(*kernel, "a");
  while (!atomic::load_relaxed(&inside)) std::this_thread::yield();
  send(*kernel, "b");
  receive(*kernel, 60);
  receive(*kernel, 60);
  EXPECT_EQ(most_inside, 2U);
}

TEST_P(Replicas, EveryRequestGetsItsOwnReplyAndCountersAreSums) {
  let_go = 1;
  auto kernel = launch("meets", 3);
  std::vector<std::thread> callers;
  u32 wrong = 0;
  for (int t = 0; t < 6; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) {
        const std::string text = std::to_string(t) + ":" + std::to_string(i);
        if (ask(*kernel, text) != text) atomic::add_relaxed(&wrong, 1U);
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0U);
  kernel->deactivate();  // counted at the end of a turn
  const Telemetry telemetry = kernel->telemetry();
  EXPECT_EQ(telemetry.control.processed, 6000U);
  EXPECT_EQ(telemetry.control.received, 6000U);
  EXPECT_EQ(telemetry.control.sent, 6000U);
  EXPECT_EQ(kernel->terminate(true, Wait::seconds(20)).processed, 6000U);
}

TEST_P(Replicas, SendersAndReceiversLoseNothing) {
  let_go = 1;
  auto kernel = launch("meets", 3, {.capacity = 16});
  constexpr int kEach = 5000;
  std::vector<std::thread> senders;
  for (int t = 0; t < 2; ++t) {
    senders.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) send(*kernel, std::to_string(t * kEach + i));
    });
  }
  std::vector<int> times(2 * kEach);
  for (int i = 0; i < 2 * kEach; ++i) ++times[std::size_t(std::stoi(receive(*kernel)))];
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), 2 * kEach);
  EXPECT_EQ(receive(*kernel, 0.01), "(nothing)");
}

TEST_P(Replicas, DeactivateStopsAllAndTerminateDrainsOrDiscards) {
  let_go = 1;
  auto kernel = launch("meets", 3);
  kernel->deactivate();
  for (int i = 0; i < 10; ++i) send(*kernel, "x");
  EXPECT_EQ(receive(*kernel, 0.02), "(nothing)");
  EXPECT_EQ(kernel->telemetry().mailbox.depth, 10U);
  EXPECT_EQ(kernel->terminate(true, Wait::seconds(20)).processed, 10U);
  auto other = launch("meets", 2);
  other->deactivate();
  for (int i = 0; i < 10; ++i) send(*other, "x");
  EXPECT_EQ(other->terminate(false, {}).left_over, 10U);
}

TEST_P(Replicas, OneThatFailsEndsTheKernelAndEveryCallerIsAnswered) {
  auto kernel = runtime->launch("meets", "", {}, 3);
  std::vector<std::thread> callers;
  u32 answered = 0;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&, i] {
      try {
        ask(*kernel, i < 2 ? "throw" : "x", 60);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kHandler) << error.what();
      }
      atomic::add_relaxed(&answered, 1U);
    });
  }
  while (kernel->telemetry().mailbox.depth < 6) std::this_thread::yield();
  kernel->activate();
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(answered, 6U);
  EXPECT_EQ(kernel->state(), State::kFailed);
  EXPECT_EQ(kernel->failure(), "out of luck");
  EXPECT_EQ(kind_of([&] { ask(*kernel, "x"); }), ErrorKind::kClosed);
  kernel->terminate(true, {});
}

TEST_P(Replicas, LinksInAndOutLoseNothing) {
  auto first = launch("relay", 1);
  auto middle = launch("relay", 3);
  auto last = launch("relay", 1);
  runtime->link(*first, *middle, 16, 64);
  runtime->link(*middle, *last, 16, 64);
  constexpr int kMessages = 20'000;
  for (int i = 0; i < kMessages; ++i) send(*first, std::to_string(i));
  while (last->telemetry().control.received < kMessages) std::this_thread::yield();
  EXPECT_EQ(middle->terminate(true, Wait::seconds(20)).processed, u64(kMessages));
}

TEST_P(Replicas, TerminateUnderLoadAnswersEveryCaller) {
  let_go = 1;
  for (int round = 0; round < 20; ++round) {
    auto kernel = launch("meets", 3);
    std::vector<std::thread> callers;
    u32 wrong = 0;
    for (int t = 0; t < 4; ++t) {
      callers.emplace_back([&] {
        try {
          for (;;) {
            if (ask(*kernel, "x", 60) != "x") atomic::add_relaxed(&wrong, 1U);
          }
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::kClosed) atomic::add_relaxed(&wrong, 1U);
        }
      });
    }
    while (kernel->telemetry().control.processed < 20) std::this_thread::yield();
    kernel->terminate(round % 2 == 0, Wait::seconds(20));
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(runtime->replies().in_use(), 0U);
  }
}

TEST_P(Replicas, GridAndBlockOutOfRangeAreNamed) {
  for (const auto& [grid, block, text] : {std::tuple{0, 1, "grid is 0"},
                                          {4, 1, "grid is 4; on the CPU"},
                                          {1, 2, "block is 2; on the CPU it must be 1"}}) {
    try {
      runtime->launch("echo", "", {}, grid, block);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidOption);
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace ringway::test
