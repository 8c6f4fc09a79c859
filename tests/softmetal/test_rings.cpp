// Ring kernels of the Metal backend on the software device, in several orders of its threads.
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "backends/metal/backend.h"
#include "core/log.h"
#include "native/runtime_harness.h"
#include "softmetal.h"
#include "softmetal/backend.h"

namespace {

using namespace ringway;
using namespace ringway::test;

constexpr double kPatience = 5;  // seconds; what stands still must say so

class Rings : public testing::TestWithParam<int> {
 protected:
  Rings() {
    softmetal_set_seed(u64(GetParam()));
    register_backend(metal::backend());
    runtime = Runtime::start({.backend = "metal"});
  }
  ~Rings() override {
    runtime->close();
    softmetal_set_seed(0);
  }

  std::shared_ptr<Kernel> launch(const char* kernel, LaunchOptions options = {}, bool activate = true) {
    options.capacity = options.staging_capacity = 16;
    auto launched = runtime->launch(kernel, "", options);
    if (activate) launched->activate();
    return launched;
  }
  static std::string numbered(u32 i) { return "message " + std::to_string(i) + std::string(i % 97, '.'); }
  static void expect_in_order(Kernel& from, u32 count) {
    for (u32 i = 0; i < count; ++i) {
      const std::string got = receive(from, kPatience);
      ASSERT_EQ(got, numbered(i)) << "as number " << i;
    }
  }

  // A thread; what stops it shows at the other end, whose reader must not wait for it for ever.
  struct Sender {
    Sender(Kernel& to, u32 count)
        : thread([&to, count] {
            try {
              for (u32 i = 0; i < count; ++i)
                to.send(plain(), bytes_of(numbered(i)), "", to.patience(4 * kPatience, nullptr));
            } catch (const Error&) {
            }
          }) {}
    ~Sender() { thread.join(); }
    std::thread thread;
  };

  std::shared_ptr<Runtime> runtime;
};

TEST_P(Rings, AnEchoKeepsOrderAndBytes) {
  auto echo = launch("echo");
  const Sender sender(*echo, 200);
  expect_in_order(*echo, 200);
  EXPECT_EQ(ask(*echo, "asked", kPatience), "asked");
}

TEST_P(Rings, SlicesAreInTheLogWithGridGroupBindingsAndEnd) {
  const std::string said = metal_test::log_of([&] {
    auto echo = launch("echo");
    for (u32 i = 0; i < 2; ++i) EXPECT_EQ(ask(*echo, "asked", kPatience), "asked");
  });
  EXPECT_SAYS(said, ": 1 kernels, ");
  EXPECT_SAYS(said, "; echo-0 in grid (1, 1, 1) of groups (1, 1, 1): 16 slots at ");
  EXPECT_SAYS(said, " for answers, control at ");
  EXPECT_SAYS(said, "µs on the GPU, messages moved up to round ");
}

TEST_P(Rings, AChainOfLinksKeepsOrderAndBytes) {
  std::vector<std::shared_ptr<Kernel>> chain = {launch("relay"), launch("relay"), launch("echo")};
  for (u32 i = 0; i + 1 < chain.size(); ++i) runtime->link(*chain[i], *chain[i + 1], 16, 120);
  const Sender sender(*chain[0], 200);
  expect_in_order(*chain.back(), 200);
}

template <class Done>
void wait_until(Done done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(kPatience);
  while (!done()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "waited in vain";
    std::this_thread::yield();
  }
}

void wait_for_messages(const Kernel& kernel, u64 on_device) {
  wait_until([&] { return kernel.telemetry().bridge->to_device >= on_device; });
}

// Until the relay has all messages and has filled its link of 16, and has tried the next one in vain.
void fill_link(const Kernel& relay, u64 messages) {
  ASSERT_NO_FATAL_FAILURE(wait_for_messages(relay, messages));
  ASSERT_NO_FATAL_FAILURE(wait_until([&] { return relay.telemetry().control.sent >= 16; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

TEST_P(Rings, AFullLinkLosesNothing) {
  auto relay = launch("relay"), echo = launch("echo", {}, false);
  runtime->link(*relay, *echo, 16, 120);
  for (u32 i = 0; i < 30; ++i) send(*relay, numbered(i));
  ASSERT_NO_FATAL_FAILURE(fill_link(*relay, 30));
  echo->activate();
  expect_in_order(*echo, 30);
}

TEST_P(Rings, MessagesHeldBackAreNoDuplicates) {
  LaunchOptions remembers;
  remembers.dedup = 64;
  auto relay = launch("relay", remembers), echo = launch("echo", {}, false);
  runtime->link(*relay, *echo, 16, 120);
  for (u32 i = 0; i < 30; ++i) send(*relay, numbered(i));
  ASSERT_NO_FATAL_FAILURE(fill_link(*relay, 30));
  echo->activate();
  expect_in_order(*echo, 30);
  EXPECT_EQ(relay->telemetry().control.dropped_duplicate, 0u);
}

TEST_P(Rings, LanesTakeTurnsByWeight) {
  LaunchOptions lanes;
  lanes.lanes = true;
  auto echo = launch("echo", lanes, false);
  for (const u8 priority : {255, 128, 64, 0}) {
    for (u32 i = 0; i < 16; ++i) {
      Envelope envelope = plain();
      envelope.priority = priority;
      echo->send(envelope, bytes_of(std::to_string(priority)), "");
    }
  }
  ASSERT_NO_FATAL_FAILURE(wait_for_messages(*echo, 64));
  echo->activate();
  std::string order;
  for (u32 i = 0; i < 37; ++i) {
    const std::string got = receive(*echo, kPatience);
    order += got == "0" ? 'a' : got == "64" ? 'b' : got == "128" ? 'c' : 'd';
  }
  EXPECT_EQ(order, std::string(16, 'a') + std::string(16, 'b') + "cccc" + "d");
}

TEST_P(Rings, ARestartMakesTheStateNew) {
  LaunchOptions restarts;
  restarts.on_error = OnError::kRestart;
  restarts.restart_backoff = 0;
  auto faulty = launch("faulty", restarts);
  EXPECT_EQ(ask(*faulty, "one", kPatience), "one");
  EXPECT_EQ(kind_of([&] { ask(*faulty, "break", kPatience); }), ErrorKind::kHandler);
  EXPECT_EQ(ask(*faulty, "count", kPatience)[0], 0) << "messages that the new state has seen";
}

// A VectorRequest, by handle: member count, id, priority, correlation id, length, operation, by handle, three handles, two
// null arrays.
std::string vector_request(u64 handle) {
  std::string body(1, char(11));
  body += std::string(16 + 1 + 20, '\0');
  const auto put = [&body](auto value) { body.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
  put(u32(100));
  put(u32(0));
  put(u8(1));
  for (u32 i = 0; i < 3; ++i) put(handle);
  put(i32(-1));
  put(i32(-1));
  return body;
}
Envelope of_vector_request() {
  Envelope envelope = plain();
  envelope.type_id = type_id_of("VectorRequest");
  return envelope;
}

// Sanitizers keep faults to themselves.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define RINGWAY_NO_FAULTS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define RINGWAY_NO_FAULTS 1
#endif
#endif
#ifndef RINGWAY_NO_FAULTS
TEST_P(Rings, AFaultOfTheGpuFailsItsKernelAlone) {
  auto echo = launch("echo"), vector_op = launch("vector_op", {}, false);
  EXPECT_EQ(ask(*echo, "before", kPatience), "before");
  constexpr std::size_t kBytes = 65536;
  auto* const memory =
      static_cast<u8*>(mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const u64 good = runtime->add_buffer(memory, kBytes), bad = runtime->add_buffer(memory + kBytes, kBytes);
  mprotect(memory + kBytes, kBytes, PROT_NONE);
  const Envelope envelope = of_vector_request();
  vector_op->send(envelope, bytes_of(vector_request(good)),
                  "");  // its answer is published in the slice that breaks
  auto* const cell = vector_op->ask(envelope, bytes_of(vector_request(bad)), "");
  ASSERT_NO_FATAL_FAILURE(wait_for_messages(*vector_op, 2));
  vector_op->activate();
  const auto thrown =
      metal_test::thrown_by([&] { vector_op->wait(cell, Wait::seconds(kPatience), kPatience); });
  runtime->replies().give_back(cell);
  EXPECT_SAYS(thrown.text, "MTLCommandBufferErrorDomain");
  EXPECT_EQ(vector_op->state(), State::kFailed);
  EXPECT_EQ(ask(*echo, "behind", kPatience), "behind");
  // What the broken slice published is nobody's in the memory that the next kernel gets.
  vector_op->terminate(false, Wait::seconds(kPatience));
  vector_op.reset();
  auto next = launch("vector_op");
  auto* const again = next->ask(envelope, bytes_of(vector_request(good)), "");
  EXPECT_FALSE(next->wait(again, Wait::seconds(kPatience), kPatience).envelope->flags & kEnvelopeError);
  runtime->replies().give_back(again);
  EXPECT_EQ(next->telemetry().bridge->to_host, 1u);
  next->terminate(true, Wait::seconds(kPatience));
  munmap(memory, 2 * kBytes);
}
#endif

LaunchOptions polling() {
  LaunchOptions options;
  options.device_polls = 100'000;
  return options;
}

// What the host writes while a command buffer runs comes to the GPU late and in any order.
class PollingRings : public Rings {
 protected:
  PollingRings() { softmetal_set_late_host(1); }
  ~PollingRings() override {
    runtime->close();
    softmetal_set_late_host(0);
    softmetal_set_timeout(10);
  }
};

TEST_P(PollingRings, AnEchoKeepsOrderAndBytes) {
  auto echo = launch("echo", polling());
  const Sender sender(*echo, 500);
  expect_in_order(*echo, 500);
  for (u32 i = 0; i < 100; ++i) EXPECT_EQ(ask(*echo, numbered(i), kPatience), numbered(i));
}

TEST_P(PollingRings, AChainOfLinksKeepsOrderAndBytes) {
  std::vector<std::shared_ptr<Kernel>> chain = {launch("relay", polling()), launch("relay"),
                                                launch("echo", polling())};
  for (u32 i = 0; i + 1 < chain.size(); ++i) runtime->link(*chain[i], *chain[i + 1], 16, 120);
  const Sender sender(*chain[0], 300);
  expect_in_order(*chain.back(), 300);
}

TEST_P(PollingRings, LanesKeepOrderAndBytes) {
  LaunchOptions lanes = polling();
  lanes.lanes = true;
  auto echo = launch("echo", lanes);
  for (u32 i = 0; i < 100; ++i) EXPECT_EQ(ask(*echo, numbered(i), kPatience), numbered(i));
}

TEST_P(PollingRings, AKernelThatDoesNotPollIsNotKeptWaiting) {
  auto polls = launch("echo", polling()), plain = launch("echo");
  for (u32 i = 0; i < 50; ++i) {
    EXPECT_EQ(ask(*polls, numbered(i), kPatience), numbered(i));
    EXPECT_EQ(ask(*plain, numbered(i), kPatience), numbered(i));
  }
}

TEST_P(PollingRings, MessagesComeWhileACommandBufferRuns) {
  log::keep(true);
  const log::Level before = log::threshold();
  log::set_threshold(log::Level::kDebug);
  auto echo = launch("echo", polling());
  bool heard = false;
  wait_until([&] {
    ask(*echo, "asked", kPatience);
    for (const log::LogLine& line : log::take().records)
      heard |= line.text.find("messages came while it ran") != std::string::npos;
    return heard;
  });
  log::set_threshold(before);
  log::keep(false);
}

TEST_P(PollingRings, ABufferIsThereForTheMessageBehindIt) {
  auto vector_op = launch("vector_op", polling());
  std::vector<float> memory(100, 1.0f);
  const auto added = [&] {
    return runtime->add_buffer(reinterpret_cast<u8*>(memory.data()), memory.size() * sizeof(float));
  };
  const auto answer = [&](u64 handle) {
    auto* const cell = vector_op->ask(of_vector_request(), bytes_of(vector_request(handle)), "");
    const std::string text = text_of(vector_op->wait(cell, Wait::seconds(kPatience), kPatience).body);
    runtime->replies().give_back(cell);
    return text;
  };
  std::vector<u64> handles = {added()};
  for (u32 i = 0; i < 30; ++i) {
    answer(handles[0]);  // now a command buffer listens, which does not know the next one
    handles.push_back(added());
    const std::string text = answer(handles.back());
    EXPECT_EQ(text.find("names no buffer"), std::string::npos) << text;
  }
  for (const u64 handle : handles) runtime->release_buffer(handle);
}

TEST_P(PollingRings, AKernelThatHearsNothingStops) {
  softmetal_set_timeout(2);
  auto echo = launch("echo", polling());
  EXPECT_EQ(ask(*echo, "asked", kPatience), "asked");
  wait_until([&] { return runtime->backend().idle_looks() != 0 || echo->state() == State::kFailed; });
  EXPECT_EQ(echo->state(), State::kActive) << echo->failure();
  EXPECT_EQ(ask(*echo, "asked", kPatience), "asked");
}

INSTANTIATE_TEST_SUITE_P(Orders, PollingRings, testing::ValuesIn(metal_test::orders(1, 6)));

TEST_P(Rings, AKernelThatSpinsAnswers) {
  LaunchOptions spins;
  spins.idle = Idle::kSpin;
  auto echo = launch("echo", spins);
  for (u32 i = 0; i < 50; ++i) EXPECT_EQ(ask(*echo, numbered(i), kPatience), numbered(i));
}

INSTANTIATE_TEST_SUITE_P(Orders, Rings, testing::ValuesIn(metal_test::orders(0, 5)));

}  // namespace
