// Kernels on the CPU: messages, lifecycle, links, errors.
#include <thread>

#include "runtime_harness.h"

namespace ringway::test {
namespace {

class Runtimes : public testing::TestWithParam<Mode> {
 protected:
  void TearDown() override { runtime->close(); }
  std::shared_ptr<Kernel> active(const std::string& kernel, const LaunchOptions& options = {}) {
    auto launched = inactive(kernel, options);
    launched->activate();
    return launched;
  }
  std::shared_ptr<Kernel> inactive(const std::string& kernel, const LaunchOptions& options = {}) {
    return runtime->launch(kernel, "", in_mode(GetParam(), options));
  }
  std::shared_ptr<Runtime> runtime = start(2, GetParam().assist);
};
INSTANTIATE_TEST_SUITE_P(All, Runtimes, testing::ValuesIn(kModes), name_of_mode);

TEST_P(Runtimes, EchoAnswersWithTheSameBytes) {
  auto echo = active("echo");
  EXPECT_EQ(ask(*echo, "hello"), "hello");
  EXPECT_EQ(ask(*echo, ""), "");
  const std::string large(4096, 'x');
  EXPECT_EQ(ask(*echo, large), large);
}

TEST_P(Runtimes, SendThenReceive) {
  auto echo = active("echo");
  for (int i = 0; i < 100; ++i) send(*echo, std::to_string(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(receive(*echo), std::to_string(i));
  EXPECT_EQ(receive(*echo, 0.01), "(nothing)");
}

TEST_P(Runtimes, EveryThreadGetsItsOwnReplies) {
  auto echo = active("echo");
  std::vector<std::thread> callers;
  u32 wrong = 0;
  for (int t = 0; t < 8; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string text = std::to_string(t) + ":" + std::to_string(i);
        if (ask(*echo, text) != text) atomic::add_relaxed(&wrong, 1U);
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(echo->telemetry().control.processed, 16000U);
}

TEST_P(Runtimes, InactiveKernelKeepsItsMessages) {
  auto echo = inactive("echo");
  send(*echo, "first");
  EXPECT_EQ(receive(*echo, 0.02), "(nothing)");
  echo->activate();
  EXPECT_EQ(receive(*echo), "first");
  echo->deactivate();
  send(*echo, "second");
  EXPECT_EQ(receive(*echo, 0.02), "(nothing)");
  EXPECT_EQ(echo->telemetry().mailbox.depth, 1U);
  echo->activate();
  EXPECT_EQ(receive(*echo), "second");
}

TEST_P(Runtimes, LinkedKernelsPassMessagesOn) {
  auto first = active("relay");
  auto second = active("relay");
  auto last = active("relay");
  runtime->link(*first, *second, 16, 64);
  runtime->link(*second, *last, 16, 64);
  for (int i = 0; i < 10; ++i) send(*first, std::to_string(i));
  while (last->telemetry().control.received < 10) std::this_thread::yield();
  // Counted at the end of the turn, when the messages may be elsewhere already.
  while (second->telemetry().control.processed < 10) std::this_thread::yield();
}

TEST_P(Runtimes, TerminateDrainsOrDiscards) {
  auto echo = inactive("echo");
  for (int i = 0; i < 5; ++i) send(*echo, "x");
  auto report = echo->terminate(true, Wait::seconds(5));
  EXPECT_EQ(report.processed, 5U);
  EXPECT_EQ(report.left_over, 0U);
  auto other = inactive("echo");
  for (int i = 0; i < 5; ++i) send(*other, "x");
  report = other->terminate(false, {});
  EXPECT_EQ(report.processed, 0U);
  EXPECT_EQ(report.left_over, 5U);
  EXPECT_EQ(kind_of([&] { send(*other, "x"); }), ErrorKind::kClosed);
  EXPECT_EQ(kind_of([&] { other->activate(); }), ErrorKind::kInvalidState);
}

TEST_P(Runtimes, ClosingEndsEveryWait) {
  auto echo = active("echo");
  auto idle = inactive("echo");
  std::thread receiver([&] { EXPECT_EQ(kind_of([&] { receive(*echo, 30); }), ErrorKind::kClosed); });
  std::thread asker([&] { EXPECT_EQ(kind_of([&] { ask(*idle, "x", 30); }), ErrorKind::kClosed); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  runtime->close();
  receiver.join();
  asker.join();
}

TEST_P(Runtimes, FullLinkHoldsTheSenderBackAndLosesNothing) {
  auto first = active("relay", {.worker = 0});
  auto second = inactive("relay", {.worker = 1});
  runtime->link(*first, *second, 16, 64);
  for (int i = 0; i < 100; ++i) send(*first, "x");
  while (first->telemetry().control.sent < 16) std::this_thread::yield();
  EXPECT_EQ(first->telemetry().control.processed, 16U);
  auto last = active("relay");
  runtime->link(*second, *last, 1024, 64);
  second->activate();
  while (last->telemetry().control.received < 100) std::this_thread::yield();
}

struct Throws {
  struct State {
    u64 unused;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32, u32, State*, DrainStatus*) {
    ctx->reserve_answer(envelope(first), 0, 8);
    throw std::runtime_error("out of luck");
  }
};

TEST_P(Runtimes, ExceptionFailsTheKernelAndAnswersEveryCaller) {
  cpu::add_entry(cpu::kernel_of<Throws>({.name = "throws", .accepts = {}, .emits = {}, .errors = {}}));
  auto kernel = inactive("throws");
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] { EXPECT_EQ(kind_of([&] { ask(*kernel, "x", 30); }), ErrorKind::kHandler); });
  }
  // Messages that a bridge is copying count on both sides.
  const auto sent = [&] {
    const Telemetry now = kernel->telemetry();
    return now.bridge ? now.bridge->to_device : now.mailbox.depth;
  };
  while (sent() < 4) std::this_thread::yield();
  kernel->activate();
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(kernel->state(), State::kFailed);
  EXPECT_EQ(kernel->failure(), "out of luck");
  EXPECT_EQ(kind_of([&] { ask(*kernel, "x"); }), ErrorKind::kClosed);
  EXPECT_EQ(kind_of([&] { kernel->activate(); }), ErrorKind::kInvalidState);
  kernel->terminate(true, {});
}

TEST_P(Runtimes, HandlerFailureIsRaisedAtItsCaller) {
  auto kernel = active("vector_op");
  Envelope envelope = plain();
  envelope.type_id = type_id_of("VectorRequest");
  for (const std::string body : {"", "\x0b", "garbage"}) {
    auto* cell = kernel->ask(envelope, bytes_of(body), "VectorRequest");
    try {
      kernel->wait(cell, Wait::seconds(20), 20);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kHandler);
      EXPECT_NE(std::string(error.what()).find(text_of_id(envelope.message_id)), std::string::npos);
    }
    runtime->replies().give_back(cell);
  }
  EXPECT_EQ(kernel->telemetry().control.errors, 3U);
}

}  // namespace
}  // namespace ringway::test
