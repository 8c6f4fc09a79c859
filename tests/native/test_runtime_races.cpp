// Callers, lifecycle and shutdown against each other; meant to run under ThreadSanitizer too.
#include <thread>

#include "runtime_harness.h"

namespace ringway::test {
namespace {

constexpr int kCallers = 4;

// Calls until the kernel or runtime ends; counts wrong replies.
u32 call_until_closed(Kernel& kernel, int number, u32* calls) {
  for (int i = 0;; ++i) {
    const std::string text = std::to_string(number) + ":" + std::to_string(i);
    try {
      if (ask(kernel, text, 60) != text) return 1;
      atomic::add_relaxed(calls, 1U);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::kClosed ? 0 : 1;
    }
  }
}

class Races : public testing::TestWithParam<Mode> {};
INSTANTIATE_TEST_SUITE_P(All, Races, testing::ValuesIn(kModes), name_of_mode);

TEST_P(Races, ActivateAndDeactivateUnderLoad) {
  auto runtime = start(2, GetParam().assist);
  auto echo = runtime->launch("echo", "", in_mode(GetParam()));
  echo->activate();
  u32 calls = 0;
  u32 wrong = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < kCallers; ++t) {
    callers.emplace_back([&, t] { atomic::add_relaxed(&wrong, call_until_closed(*echo, t, &calls)); });
  }
  for (int i = 0; i < 200; ++i) {
    echo->deactivate();
    const u64 before = echo->telemetry().control.processed;
    std::this_thread::yield();
    EXPECT_EQ(echo->telemetry().control.processed, before);
    echo->activate();
  }
  while (atomic::load_relaxed(&calls) < 100) std::this_thread::yield();
  runtime->close();
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(runtime->replies().in_use(), 0U);
}

TEST_P(Races, TerminateUnderLoadAnswersEveryCaller) {
  auto runtime = start(2, GetParam().assist);
  for (int round = 0; round < 30; ++round) {
    auto echo = runtime->launch("echo", "echo", in_mode(GetParam()));
    echo->activate();
    u32 calls = 0;
    u32 wrong = 0;
    std::vector<std::thread> callers;
    for (int t = 0; t < kCallers; ++t) {
      callers.emplace_back([&, t] { atomic::add_relaxed(&wrong, call_until_closed(*echo, t, &calls)); });
    }
    while (atomic::load_relaxed(&calls) < 10) std::this_thread::yield();
    echo->terminate(round % 2 == 0, Wait::seconds(20));
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(runtime->replies().in_use(), 0U);
  }
  runtime->close();
}

TEST_P(Races, ClosingUnderLoad) {
  for (int round = 0; round < 20; ++round) {
    auto runtime = start(2, GetParam().assist);
    auto echo = runtime->launch("echo", "", in_mode(GetParam()));
    echo->activate();
    u32 calls = 0;
    u32 wrong = 0;
    std::vector<std::thread> callers;
    for (int t = 0; t < kCallers; ++t) {
      callers.emplace_back([&, t] { atomic::add_relaxed(&wrong, call_until_closed(*echo, t, &calls)); });
    }
    callers.emplace_back([&] { EXPECT_EQ(kind_of([&] { receive(*echo, 60); }), ErrorKind::kClosed); });
    while (atomic::load_relaxed(&calls) < 10) std::this_thread::yield();
    runtime->close();
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(wrong, 0U);
  }
}

// What a kernel sends while its receiver ends is handled, left over there, or a dead letter of its sender.
void end_receivers_under_load(Runtime* runtime, const Mode& mode, bool fails, std::int64_t replicas) {
  constexpr u64 kMessages = 300;
  auto source = runtime->launch("relay", "", in_mode(mode, {.capacity = 1024, .worker = 0}));
  source->activate();
  for (int round = 0; round < 40; ++round) {
    auto sink =
        runtime->launch(fails ? "faulty" : "relay", "sink", in_mode(mode, {.dead_letters = 0}), replicas);
    runtime->link(*source, *sink, 64, 64);
    sink->activate();
    const u64 closed = source->telemetry().control.dropped_closed;
    const u64 processed = source->telemetry().control.processed;
    std::thread sender([&] {
      for (u64 i = 0; i < kMessages; ++i) send(*source, fails && i == kMessages / 2 ? "break" : "x");
    });
    while (sink->telemetry().control.received < u64(round)) std::this_thread::yield();
    if (!fails) sink->terminate(false, {});
    sender.join();
    while (source->telemetry().control.processed < processed + kMessages) std::this_thread::yield();
    while (fails && sink->state() != State::kFailed) std::this_thread::yield();
    if (fails) sink->terminate(false, {});
    const ControlBlock ended = sink->telemetry().control;
    // A relay without an output drops what it has processed.
    const u64 left = fails ? ended.dropped_closed + ended.errors : ended.dropped_closed - ended.processed;
    const u64 lost = source->telemetry().control.dropped_closed - closed;
    EXPECT_EQ(ended.processed + left + lost, kMessages) << "round " << round;
  }
}

TEST_P(Races, NothingIsLostBetweenAKernelAndOneThatIsTerminated) {
  auto runtime = start(2, GetParam().assist);
  end_receivers_under_load(runtime.get(), GetParam(), false, 1);
  runtime->close();
}

TEST_P(Races, NothingIsLostBetweenAKernelAndReplicasThatAreTerminated) {
  auto runtime = start(2, GetParam().assist);
  end_receivers_under_load(runtime.get(), GetParam(), false, 2);
  runtime->close();
}

TEST_P(Races, NothingIsLostBetweenAKernelAndOneThatFails) {
  auto runtime = start(2, GetParam().assist);
  end_receivers_under_load(runtime.get(), GetParam(), true, 1);
  runtime->close();
}

TEST_P(Races, RingOfRelaysKeepsEveryToken) {
  auto runtime = start(2, GetParam().assist);
  auto first = runtime->launch("relay", "", in_mode(GetParam(), {.worker = 0}));
  auto second = runtime->launch("relay", "", in_mode(GetParam(), {.worker = 1}));
  runtime->link(*first, *second, 64, 56);
  runtime->link(*second, *first, 64, 56);
  first->activate();
  second->activate();
  constexpr u64 kTokens = 40;
  for (u64 i = 0; i < kTokens; ++i) send(*first, std::to_string(i));
  while (second->telemetry().control.received < 20'000) std::this_thread::yield();
  first->deactivate();
  while (second->telemetry().control.received + kTokens > first->telemetry().control.sent + kTokens) {
    std::this_thread::yield();
  }
  // What the first sent, and has not got back, waits in its input: its number of messages sent less received.
  while (second->telemetry().control.sent != first->telemetry().control.sent) std::this_thread::yield();
  EXPECT_EQ(first->telemetry().control.sent, first->telemetry().control.received);
  EXPECT_EQ(second->telemetry().control.sent - (first->telemetry().control.received - kTokens), kTokens);
  runtime->close();
}

TEST_P(Races, ClosingWhileKernelsWakeEachOther) {
  for (int round = 0; round < 30; ++round) {
    auto runtime = start(2, GetParam().assist);
    auto first = runtime->launch("relay", "", {.worker = 0});
    auto second = runtime->launch("relay", "", {.worker = 1});
    runtime->link(*first, *second, 64, 56);
    runtime->link(*second, *first, 64, 56);
    first->activate();
    second->activate();
    for (int i = 0; i < 1 + round % 3; ++i) send(*first, "token");
    while (second->telemetry().control.received < 50) std::this_thread::yield();
    runtime->close();
  }
}

TEST_P(Races, BuffersComeAndGoWhileMessagesNameThem) {
  auto runtime = start(2, GetParam().assist);
  auto kernel = runtime->launch("vector_op", "", in_mode(GetParam()));
  kernel->activate();
  std::vector<float> memory(64);
  for (int i = 0; i < 200; ++i) {
    const u64 handle = runtime->add_buffer(reinterpret_cast<u8*>(memory.data()), 256);
    Envelope envelope = plain();
    envelope.type_id = type_id_of("VectorRequest");
    u8 body[79] = {11};
    body[38] = 64;
    body[46] = 1;
    for (int at : {47, 55, 63}) std::memcpy(body + at, &handle, 8);
    for (int at : {71, 75}) std::memset(body + at, 0xff, 4);
    kernel->send(envelope, body, "VectorRequest");
    runtime->release_buffer(handle);
    for (float& value : memory) value = 1;  // a race if the kernel still used it
  }
  runtime->close();
}

}  // namespace
}  // namespace ringway::test
