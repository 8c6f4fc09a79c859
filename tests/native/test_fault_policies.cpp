// What a handler that throws does to its kernel, by policy. tests/python/test_fault_policies.py holds what does not
// need an exception.
#include <new>
#include <stdexcept>
#include <thread>

#include "runtime_harness.h"

namespace ringway::test {
namespace {

// Answers with the number of messages handled since the state was new, but throws on "throw", "odd" and "out".
struct Thrower {
  struct State {
    u64 handled;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32 stride, u32 n, State* state, DrainStatus*) {
    for (u32 i = 0; i < n; ++i) {
      u8* slot = first + u64(stride) * i;
      const std::string text(body(slot), body(slot) + body_bytes(slot));
      const std::string count = std::to_string(++state->handled);
      u8* to = ctx->reserve_answer(envelope(slot), 0, u32(count.size()));
      if (text == "throw") throw std::runtime_error("out of luck");
      if (text == "odd") throw 7;
      if (text == "out") throw std::bad_alloc();
      if (text == "long") throw std::runtime_error(std::string(5000, 'x'));
      std::memcpy(to, count.data(), count.size());
      ctx->commit_answer(u32(count.size()));
    }
    return n;
  }
};

class Policies : public testing::TestWithParam<bool> {
 protected:
  void TearDown() override { runtime->close(); }
  std::shared_ptr<Kernel> thrower(const LaunchOptions& options) {
    cpu::add_entry(cpu::kernel_of<Thrower>({.name = "thrower", .accepts = {}, .emits = {}, .errors = {}}));
    return runtime->launch("thrower", "", options);
  }
  std::shared_ptr<Runtime> runtime = start(2, GetParam());
};
INSTANTIATE_TEST_SUITE_P(Assist, Policies, testing::Bool());

// The text of the HandlerError that `text` is answered with.
std::string failure_of(Kernel& kernel, const std::string& text) {
  try {
    ask(kernel, text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kHandler);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST_P(Policies, SkipLosesOneMessageOfABatchAndKeepsTheState) {
  auto kernel = thrower({.on_error = OnError::kSkip});
  for (const char* text : {"a", "b", "throw", "c", "odd", "d"}) send(*kernel, text);
  kernel->activate();
  // What had been counted before the throw stays counted.
  for (const char* count : {"1", "2", "4", "6"}) EXPECT_EQ(receive(*kernel), count);
  EXPECT_EQ(kernel->state(), State::kActive);
  // Counted at the end of the turn, when the messages may be elsewhere already.
  while (kernel->telemetry().control.received < 6) std::this_thread::yield();
  const auto counted = kernel->telemetry().control;
  EXPECT_EQ(counted.received, 6U);
  EXPECT_EQ(counted.processed, 4U);
  EXPECT_EQ(counted.errors, 2U);
  EXPECT_EQ(counted.restarts, 0U);
}

TEST_P(Policies, TheSenderOfTheMessageIsToldWhy) {
  auto kernel = thrower({.on_error = OnError::kSkip});
  kernel->activate();
  EXPECT_NE(failure_of(*kernel, "throw").find("out of luck"), std::string::npos);
  EXPECT_NE(failure_of(*kernel, "odd").find("no std::exception"), std::string::npos);
  EXPECT_NE(failure_of(*kernel, "out").find("bad_alloc"), std::string::npos);
  EXPECT_LT(failure_of(*kernel, "long").size(), 700U);
  EXPECT_EQ(runtime->replies().in_use(), 0U);
}

TEST_P(Policies, RestartMakesTheStateNewAndKeepsTheMailbox) {
  auto kernel = thrower({.on_error = OnError::kRestart, .restart_backoff = 0});
  for (const char* text : {"a", "b", "throw", "c", "d", "throw", "throw", "e"}) send(*kernel, text);
  kernel->activate();
  for (const char* count : {"1", "2", "1", "2", "1"}) EXPECT_EQ(receive(*kernel), count);
  EXPECT_EQ(kernel->telemetry().control.restarts, 3U);
  EXPECT_EQ(kernel->state(), State::kActive);
}

TEST_P(Policies, FailAnswersAWholeBatch) {
  auto kernel = thrower({.on_error = OnError::kFail});
  send(*kernel, "throw");
  for (int i = 0; i < 9; ++i) send(*kernel, "behind");
  kernel->activate();
  while (kernel->state() != State::kFailed) std::this_thread::yield();
  EXPECT_EQ(kernel->failure(), "out of luck");
  EXPECT_EQ(kind_of([&] { receive(*kernel); }), ErrorKind::kClosed);
  // Whoever runs the kernel discards its input after the state has changed.
  while (kernel->telemetry().control.dropped_closed < 10) std::this_thread::yield();
  EXPECT_EQ(kernel->telemetry().control.dropped_closed, 10U);
  EXPECT_EQ(kernel->telemetry().control.errors, 1U);
}

TEST_P(Policies, AKernelThatFeedsAFailedOneIsNotHeldUp) {
  auto first = runtime->launch("relay", "", {});
  auto second = thrower({});
  runtime->link(*first, *second, 16, 64);
  first->activate();
  second->activate();
  try {
    ask(*second, "throw");
  } catch (const Error&) {
  }
  for (int i = 0; i < 100; ++i) send(*first, "x");
  while (first->telemetry().control.processed < 100) std::this_thread::yield();
  EXPECT_GE(first->telemetry().control.dropped_closed, 100U - 16U);
}

}  // namespace
}  // namespace ringway::test
