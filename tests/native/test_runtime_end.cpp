// Kernels end without waiting for each other, and what waits for one can be ended.
#include <functional>
#include <thread>

#include "core/link_order.h"
#include "runtime_harness.h"

namespace ringway::test {
namespace {

struct Interrupted {};

[[noreturn]] void interrupt() {
  throw Interrupted();
}

template <class Done>
void until(Done done) {
  while (!done()) std::this_thread::yield();
}

// A kernel with messages left that it cannot handle, because nobody receives its answers.
std::shared_ptr<Kernel> full(Runtime& runtime, const std::string& name, BridgeKind bridge) {
  auto kernel =
      runtime.launch("echo", name, {.capacity = 16, .worker = 0, .bridge = bridge, .staging_capacity = 16});
  kernel->activate();
  const int held = bridge == BridgeKind::kPumped ? 48 : 16;
  for (int i = 0; i < held; ++i) send(*kernel, "x");
  until([&] { return kernel->telemetry().control.processed >= 16; });
  for (int i = 0; i < 8; ++i) send(*kernel, "left");
  return kernel;
}

bool draining(Kernel& kernel) {
  return kernel.state() == State::kTerminated;
}

class End : public testing::TestWithParam<Mode> {};
INSTANTIATE_TEST_SUITE_P(All, End, testing::ValuesIn(kModes), name_of_mode);

TEST_P(End, ADrainLeavesOtherKernelsAlone) {
  auto runtime = start(2, GetParam().assist);
  auto stopped = full(*runtime, "stopped", GetParam().bridge);
  std::thread drain([&] { EXPECT_GT(stopped->terminate(true, {}).left_over, 0U); });
  until([&] { return draining(*stopped); });
  auto relay = runtime->launch("relay", "relay", in_mode(GetParam()));
  auto echo = runtime->launch("echo", "echo", in_mode(GetParam()));
  runtime->link(*relay, *echo, 64, 56);
  echo->activate();
  EXPECT_EQ(ask(*echo, "on"), "on");
  echo->deactivate();
  echo->activate();
  EXPECT_EQ(echo->terminate(true, {}).left_over, 0U);
  EXPECT_TRUE(draining(*stopped));
  runtime->close();
  drain.join();
}

TEST_P(End, ClosingCutsADrainShortAndItsCallerLearnsWhatWasLeft) {
  auto runtime = start(2, GetParam().assist);
  auto kernel = full(*runtime, "stopped", GetParam().bridge);
  TerminateReport report{};
  std::thread drain([&] { report = kernel->terminate(true, {}); });
  until([&] { return draining(*kernel); });
  const auto ended = runtime->close();
  drain.join();
  EXPECT_GE(report.left_over, 8U);
  EXPECT_TRUE(ended.empty());
}

TEST_P(End, DuringADrainOnlyDiscardingIsPossibleAndCutsItShort) {
  auto runtime = start(2, GetParam().assist);
  auto kernel = full(*runtime, "stopped", GetParam().bridge);
  TerminateReport report{};
  std::thread drain([&] { report = kernel->terminate(true, {}); });
  until([&] { return draining(*kernel); });
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { kernel->activate(); },
           [&] { kernel->deactivate(); },
       }) {
    EXPECT_EQ(kind_of(call), ErrorKind::kInvalidState);
  }
  TerminateReport second{};
  for (;;) {  // the state changes a moment before the drain can be cut
    try {
      second = kernel->terminate(false, {});
      break;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::kInvalidState);
    }
  }
  drain.join();
  EXPECT_GE(report.left_over, 8U);
  EXPECT_EQ(second.left_over, report.left_over);
  EXPECT_EQ(kind_of([&] { kernel->terminate(false, {}); }), ErrorKind::kInvalidState);
  runtime->close();
}

TEST_P(End, AnInterruptedDrainLeavesTheKernelAsItWas) {
  auto runtime = start(2, GetParam().assist);
  auto kernel = full(*runtime, "stopped", GetParam().bridge);
  EXPECT_THROW(kernel->terminate(true, {Wait::kForever, &interrupt}), Interrupted);
  EXPECT_EQ(kernel->state(), State::kActive);
  kernel->deactivate();
  EXPECT_THROW(kernel->terminate(true, {Wait::kForever, &interrupt}), Interrupted);
  EXPECT_EQ(kernel->state(), State::kInactive);
  const u64 before = kernel->telemetry().control.processed;
  EXPECT_EQ(receive(*kernel), "x");
  auto neighbour = runtime->launch("echo", "", {.worker = 0});
  neighbour->activate();
  EXPECT_EQ(ask(*neighbour, "its turn comes after"), "its turn comes after");
  EXPECT_EQ(kernel->telemetry().control.processed, before);
  runtime->close();
}

TEST_P(End, ClosingWithADrainFollowsTheLinks) {
  auto runtime = start(2, GetParam().assist);
  constexpr u64 kMessages = 500;
  std::vector<std::shared_ptr<Kernel>> chain;  // linked against the order of launch
  for (const char* name : {"last", "middle", "first"}) {
    chain.push_back(runtime->launch("relay", name, in_mode(GetParam())));
  }
  runtime->link(*chain[2], *chain[1], 64, 56);
  runtime->link(*chain[1], *chain[0], 64, 56);
  for (u64 i = 0; i < kMessages; ++i) send(*chain[2], "x");
  const auto ended = runtime->close(true, {});
  ASSERT_EQ(ended.size(), 3U);
  const char* const order[] = {"first", "middle", "last"};
  for (std::size_t i = 0; i < ended.size(); ++i) {
    EXPECT_EQ(ended[i].first, order[i]);
    EXPECT_EQ(ended[i].second.processed, kMessages);
    EXPECT_EQ(ended[i].second.left_over, 0U);
  }
  EXPECT_TRUE(runtime->close(true, {}).empty());
}

TEST_P(End, WhatADrainBringsCanBeReceived) {
  auto runtime = start(2, GetParam().assist);
  auto kernel = full(*runtime, "stopped", GetParam().bridge);
  const u32 all = u32(kernel->telemetry().control.processed) + 8;
  u32 received = 0;
  std::thread receiver([&] {
    try {
      Message message;
      while (kernel->receive(&message, {})) ++received;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kClosed);
    }
  });
  EXPECT_EQ(kernel->terminate(true, {}).left_over, 0U);
  receiver.join();
  EXPECT_GE(received, all);
  runtime->close();
}

TEST_P(End, ClosingWithADrainEndsInTime) {
  auto runtime = start(2, GetParam().assist);
  auto stopped = full(*runtime, "stopped", GetParam().bridge);
  auto echo = runtime->launch("echo", "echo", in_mode(GetParam()));
  send(*echo, "x");
  const auto ended = runtime->close(true, Wait::seconds(0.05));
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_GE(ended[0].second.left_over, 8U);
}

TEST_P(End, AnInterruptedDrainLeavesTheRuntimeOpen) {
  auto runtime = start(2, GetParam().assist);
  auto stopped = full(*runtime, "stopped", GetParam().bridge);
  EXPECT_THROW(runtime->close(true, {Wait::kForever, &interrupt}), Interrupted);
  EXPECT_FALSE(runtime->closed());
  EXPECT_EQ(stopped->state(), State::kActive);
  auto echo = runtime->launch("echo", "echo", in_mode(GetParam()));
  echo->activate();
  EXPECT_EQ(ask(*echo, "on"), "on");
  EXPECT_EQ(runtime->close().size(), 2U);
}

TEST_P(End, KernelsOfACycleDrainTogether) {
  for (int round = 0; round < 30; ++round) {
    auto runtime = start(2, GetParam().assist);
    auto first = runtime->launch("relay", "first", in_mode(GetParam(), {.worker = 0}));
    auto second = runtime->launch("relay", "second", in_mode(GetParam(), {.worker = 1}));
    runtime->link(*first, *second, 64, 56);
    runtime->link(*second, *first, 64, 56);
    send(*first, "round and round");
    first->activate();
    second->activate();
    until([&] { return second->telemetry().control.processed > 10; });
    const auto ended = runtime->close(true, Wait::seconds(0.001));
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_EQ(ended[0].second.left_over + ended[1].second.left_over, 1U);
  }
}

TEST_P(End, ACircleWhoseMessageIsBetweenTwoLooksIsNotEmpty) {
  auto runtime = start(2, GetParam().assist);
  auto first = runtime->launch("relay", "first", in_mode(GetParam(), {.worker = 0}));
  auto second = runtime->launch("relay", "second", in_mode(GetParam(), {.worker = 1}));
  runtime->link(*first, *second, 64, 56);
  runtime->link(*second, *first, 64, 56);
  send(*first, "round and round");
  constexpr double kTime = 0.2;
  const std::int64_t began = now_ns();
  runtime->close(true, Wait::seconds(kTime));
  EXPECT_GE(double(now_ns() - began) * 1e-9, kTime);
}

TEST_P(End, TwoThatTerminateAtOnceEndTheKernelOnce) {
  auto runtime = start(2, GetParam().assist);
  for (int round = 0; round < 100; ++round) {
    auto kernel = runtime->launch("echo", "echo", in_mode(GetParam()));
    kernel->activate();
    send(*kernel, "x");
    u32 ended = 0;
    std::vector<std::thread> callers;
    for (const bool drain : {true, false, true}) {
      callers.emplace_back([&, drain] {
        try {
          kernel->terminate(drain, {});
          atomic::add_relaxed(&ended, 1U);
        } catch (const Error& error) {
          EXPECT_EQ(error.kind(), ErrorKind::kInvalidState);
        }
      });
    }
    for (auto& caller : callers) caller.join();
    EXPECT_GE(ended, 1U);
    EXPECT_EQ(kernel->state(), State::kTerminated);
    EXPECT_EQ(runtime->kernels().size(), 0U);
  }
  runtime->close();
}

// Transitions of linked kernels, launches and the end, all at once.
TEST_P(End, EverythingAtOnce) {
  for (int round = 0; round < 20; ++round) {
    auto runtime = start(2, GetParam().assist);
    std::vector<std::thread> callers;
    for (int t = 0; t < 3; ++t) {
      callers.emplace_back([&, t] {
        try {
          for (int i = 0;; ++i) {
            auto one = runtime->launch("relay", "", in_mode(GetParam()));
            auto two = runtime->launch("relay", "", in_mode(GetParam()));
            runtime->link(*one, *two, 64, 56);
            runtime->link(*two, *one, 64, 56);
            one->activate();
            two->activate();
            send(*one, "x");
            one->deactivate();
            one->activate();
            two->terminate(i % 2 == t % 2, Wait::seconds(0.001));
            one->terminate(true, {});
          }
        } catch (const Error& error) {
          // While the runtime drains, its kernels are in their end already.
          const bool expected =
              error.kind() == ErrorKind::kClosed || error.kind() == ErrorKind::kInvalidState;
          EXPECT_TRUE(expected) << error.what();
        }
      });
    }
    for (int i = 0; i < 50; ++i) std::this_thread::yield();
    runtime->close(round % 2 == 0, Wait::seconds(0.01));
    for (auto& caller : callers) caller.join();
  }
}

TEST(LinkOrder, SourcesComeBeforeTargetsAndCyclesTogether) {
  using Groups = std::vector<std::vector<u32>>;
  EXPECT_EQ(in_link_order(3, {}), (Groups{{0}, {1}, {2}}));
  EXPECT_EQ(in_link_order(3, {{2, 1}, {1, 0}}), (Groups{{2}, {1}, {0}}));
  EXPECT_EQ(in_link_order(2, {{1, 1}, {1, 0}}), (Groups{{1}, {0}}));
  EXPECT_EQ(in_link_order(5, {{4, 2}, {2, 3}, {3, 2}, {3, 1}, {2, 0}}).front(), (std::vector<u32>{4}));
  EXPECT_EQ(in_link_order(5, {{4, 2}, {2, 3}, {3, 2}, {3, 1}, {2, 0}})[1], (std::vector<u32>{2, 3}));
  std::vector<std::pair<u32, u32>> chain;
  for (u32 i = 0; i + 1 < 100'000; ++i) chain.emplace_back(i, i + 1);
  EXPECT_EQ(in_link_order(100'000, chain).size(), 100'000U);
}

}  // namespace
}  // namespace ringway::test
