// Pumped bridges: nothing lost or reordered, back-pressure from end to end, drain, and faults of the device's side.
#include <algorithm>
#include <deque>
#include <thread>

#include "runtime_harness.h"

namespace ringway::test {
namespace {

constexpr u32 kRing = 16;
constexpr u32 kHeld = 2 * kRing;  // what an inactive kernel takes: its mailbox and the staging ring

LaunchOptions small(Backpressure policy = Backpressure::kBlock) {
  LaunchOptions options;
  options.capacity = options.staging_capacity = kRing;
  options.bridge = BridgeKind::kPumped;
  options.policy = policy;
  return options;
}

bool put(Kernel& kernel, u32 number) {
  return kernel.send(plain(), bytes_of(std::to_string(number)), "");
}

void expect_received(Kernel& kernel, u32 first, u32 last) {
  for (u32 i = first; i < last; ++i) ASSERT_EQ(receive(kernel), std::to_string(i));
}

class Bridges : public testing::Test {
 protected:
  void TearDown() override { runtime->close(); }

  std::shared_ptr<Kernel> active(const std::string& kernel, const LaunchOptions& options) {
    auto launched = runtime->launch(kernel, "", options);
    launched->activate();
    return launched;
  }
  // Inactive, with the messages 0 to kHeld - 1.
  std::shared_ptr<Kernel> filled(Backpressure policy) {
    auto kernel = runtime->launch("echo", "", small(policy));
    for (u32 i = 0; i < kRing; ++i) put(*kernel, i);
    while (kernel->telemetry().bridge->to_device < kRing) std::this_thread::yield();
    for (u32 i = kRing; i < kHeld; ++i) put(*kernel, i);
    EXPECT_EQ(kernel->telemetry().mailbox.depth, kHeld);
    return kernel;
  }
  std::shared_ptr<Runtime> runtime = start(2);
};

TEST_F(Bridges, MessagesKeepTheirLength) {
  LaunchOptions options;
  options.bridge = BridgeKind::kPumped;
  auto echo = active("echo", options);
  for (u32 bytes = 0; bytes <= 4096; bytes += bytes < 80 ? 1 : 251) {
    const std::string text(bytes, char('a' + bytes % 26));
    send(*echo, text);
    EXPECT_EQ(ask(*echo, text), text);
    EXPECT_EQ(receive(*echo), text);
  }
}

TEST_F(Bridges, FullDeviceFillsTheStagingRingAndThenRejects) {
  auto echo = filled(Backpressure::kReject);
  try {
    put(*echo, kHeld);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kQueueFull);
    EXPECT_NE(std::string(error.what()).find("16 in the staging ring"), std::string::npos) << error.what();
  }
  while (!echo->telemetry().bridge->in_full) std::this_thread::yield();
  echo->activate();
  expect_received(*echo, 0, kHeld);
}

TEST_F(Bridges, FullDeviceFillsTheStagingRingAndThenBlocks) {
  auto echo = filled(Backpressure::kBlock);
  std::thread sender([&] { EXPECT_TRUE(put(*echo, kHeld)); });
  echo->activate();
  expect_received(*echo, 0, kHeld + 1);
  sender.join();
}

TEST_F(Bridges, FullDeviceFillsTheStagingRingAndThenDropsTheNew) {
  auto echo = filled(Backpressure::kDropNew);
  EXPECT_FALSE(put(*echo, kHeld));
  EXPECT_EQ(echo->telemetry().mailbox.dropped_new, 1U);
  echo->activate();
  expect_received(*echo, 0, kHeld);
}

TEST_F(Bridges, FullDeviceFillsTheStagingRingAndThenDropsItsOldest) {
  auto echo = filled(Backpressure::kDropOldest);
  EXPECT_TRUE(put(*echo, kHeld));
  EXPECT_EQ(echo->telemetry().mailbox.dropped_oldest, 1U);
  echo->activate();
  expect_received(*echo, 0, kRing);
  expect_received(*echo, kRing + 1, kHeld + 1);
}

TEST_F(Bridges, ReceiverThatIsLateHoldsTheSenderBack) {
  auto echo = active("echo", small());
  constexpr u32 kMany = 2000;
  u32 sent = 0;
  std::thread sender([&] {
    for (u32 i = 0; i < kMany; ++i, atomic::store_relaxed(&sent, i)) EXPECT_TRUE(put(*echo, i));
  });
  // Five rings hold 80 messages.
  while (!echo->telemetry().bridge->out_full) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(atomic::load_relaxed(&sent), 5 * kRing);
  expect_received(*echo, 0, kMany);
  sender.join();
}

TEST_F(Bridges, RequestsAreAnsweredWhileTheQueueToTheHostIsFull) {
  auto echo = active("echo", small());
  for (u32 i = 0; i < kRing; ++i) put(*echo, i);
  while (echo->telemetry().bridge->to_host < kRing) std::this_thread::yield();
  EXPECT_EQ(ask(*echo, "x"), "x");
  expect_received(*echo, 0, kRing);
}

TEST_F(Bridges, DrainingHandlesWhatIsStagedAndKeepsWhatWasSent) {
  auto echo = filled(Backpressure::kBlock);
  const auto report = echo->terminate(true, Wait::seconds(20));
  EXPECT_EQ(report.processed, kHeld);
  EXPECT_EQ(report.left_over, 0U);
  expect_received(*echo, 0, kHeld);
  EXPECT_EQ(kind_of([&] { receive(*echo); }), ErrorKind::kClosed);
}

TEST_F(Bridges, DiscardingCountsAndAnswers) {
  auto echo = runtime->launch("echo", "", small());
  std::vector<std::thread> callers;
  for (u32 i = 0; i < kHeld; ++i) {
    callers.emplace_back([&] { EXPECT_EQ(kind_of([&] { ask(*echo, "x", 60); }), ErrorKind::kClosed); });
  }
  // Messages that are being copied count on both sides.
  while (echo->telemetry().bridge->to_device < kRing || echo->telemetry().mailbox.depth < kHeld)
    std::this_thread::yield();
  EXPECT_EQ(echo->terminate(false, {}).left_over, kHeld);
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(echo->telemetry().control.dropped_closed, kHeld);
}

struct Grows {
  struct State {
    u64 unused;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32, u32, State*, DrainStatus*) {
    ctx->reserve_answer(envelope(first), 0, 1000);
    ctx->commit_answer(1000);
    return 1;
  }
};

TEST_F(Bridges, AnswerLargerThanASlotIsAnErrorAtTheCaller) {
  cpu::add_entry(cpu::kernel_of<Grows>({.name = "grows", .accepts = {}, .emits = {}, .errors = {}}));
  LaunchOptions options = small();
  options.slot_size = 500;
  auto kernel = active("grows", options);
  EXPECT_EQ(kind_of([&] { ask(*kernel, "x"); }), ErrorKind::kMessageTooLarge);
  EXPECT_EQ(kind_of([&] { ask(*kernel, "x"); }), ErrorKind::kMessageTooLarge);
}

struct Refuses {
  struct State {
    u64 unused;
  };
  template <class Ctx>
  static u32 drain(Ctx*, u8*, u32, u32, State*, DrainStatus* status) {
    status->code = kFailed;
    return 0;
  }
};

TEST_F(Bridges, ErrorsWaitForRoomToo) {
  cpu::add_entry(cpu::kernel_of<Refuses>({.name = "refuses", .accepts = {}, .emits = {}, .errors = {"no"}}));
  auto kernel = active("refuses", small());
  std::vector<std::thread> callers;
  for (u32 i = 0; i < 4 * kRing; ++i) {
    callers.emplace_back([&] { EXPECT_EQ(kind_of([&] { ask(*kernel, "x", 60); }), ErrorKind::kHandler); });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(kernel->telemetry().control.errors, 4 * kRing);
}

TEST_F(Bridges, SendersAndCallersAtOnceKeepTheirOrder) {
  auto echo = active("echo", small());
  constexpr u32 kSenders = 3, kEach = 3000;
  std::vector<std::thread> threads;
  u32 wrong = 0;
  for (u32 t = 0; t < kSenders; ++t) {
    threads.emplace_back([&, t] {
      for (u32 i = 0; i < kEach; ++i) put(*echo, i * kSenders + t);
    });
    threads.emplace_back([&, t] {
      for (u32 i = 0; i < kEach / 10; ++i) {
        const std::string text(i % 300, char('a' + t));
        if (ask(*echo, text) != text) atomic::add_relaxed(&wrong, 1U);
      }
    });
  }
  u32 next[kSenders] = {};
  for (u32 i = 0; i < kSenders * kEach; ++i) {
    const u32 got = u32(std::stoul(receive(*echo)));
    EXPECT_EQ(got / kSenders, next[got % kSenders]++);
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(runtime->replies().in_use(), 0U);
}

TEST_F(Bridges, ReplicasShareTheQueuesOfTheDevice) {
  auto echo = runtime->launch("echo", "", small(), 2, 1);
  echo->activate();
  constexpr u32 kMany = 2000;
  std::thread sender([&] {
    for (u32 i = 0; i < kMany; ++i) put(*echo, i);
  });
  std::vector<bool> seen(kMany);
  for (u32 i = 0; i < kMany; ++i) seen[std::stoul(receive(*echo))] = true;
  sender.join();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), std::ptrdiff_t(kMany));
  EXPECT_EQ(echo->terminate(true, Wait::seconds(20)).processed, kMany);
}

// A device that echoes, until it is lost.
class Device : public DeviceQueues {
 public:
  u32 room(u32, u32 most) override { return most; }
  void copy_in(u32, const QueueRing& from, Claim<QueueAtomics> messages) override {
    if (atomic::load_relaxed(&lost)) throw std::runtime_error("the device is lost");
    Consumer<QueueAtomics, true> source;
    source.ring = from;
    for (u32 i = 0; i < messages.count; ++i) {
      const u8* data = payload_at(from, messages.first + i);
      held.emplace_back(data, data + source.size(messages.first + i));
    }
  }
  u32 copy_out(const QueueRing& to, Claim<QueueAtomics> slots, u32* sizes) override {
    u32 n = 0;
    for (; n < slots.count && !held.empty() && !atomic::load_relaxed(&silent); ++n, held.pop_front()) {
      auto* message = reinterpret_cast<Envelope*>(held.front().data());
      std::memcpy(message->correlation_id, message->message_id, sizeof(message->message_id));
      message->receiver = message->sender;
      sizes[n] = u32(held.front().size());
      std::memcpy(payload_at(to, slots.first + n), held.front().data(), sizes[n]);
    }
    return n;
  }
  u64 depth() const override { return 0; }

  std::deque<std::vector<u8>> held;
  u32 lost = 0;
  u32 silent = 0;
};

struct Bridged {
  Bridged(Pump& pump, ReplyPool& pool) : replies(pool) {
    port->bridge = std::make_shared<Bridge>(pump, pool, port, device, kRing);
  }
  ReplyPool::Cell* ask(const std::string& text) {
    ReplyPool::Cell* const cell = replies.take();
    Envelope envelope = plain();
    ReplyPool::address(cell, &envelope);
    Sender(port->mailbox.only()).offer({{&envelope, sizeof(envelope)}, {text.data(), text.size()}});
    port->bridge->wake();
    return cell;
  }
  std::string answer(ReplyPool::Cell* cell) {
    if (!ReplyPool::wait(cell, Wait::seconds(20))) return "(nothing)";
    const Reply reply = ReplyPool::reply(cell);
    const std::string text = (reply.envelope->flags & kEnvelopeError ? "error: " : "") + text_of(reply.body);
    replies.give_back(cell);
    return text;
  }

  ReplyPool& replies;
  Device device;
  std::shared_ptr<Port> port = std::make_shared<Port>(
      QueueOptions{.name = "kernel", .capacity = kRing, .max_message = 128, .type = {}},
      QueueOptions{.name = "to host", .capacity = kRing, .max_message = 128, .type = {}}, LaunchOptions{});
};

TEST(BridgeFaults, LostDeviceIsAnErrorAtEveryCallerOfItsKernelAlone) {
  ReplyPool replies;
  Pump pump;
  Bridged broken(pump, replies), sound(pump, replies);
  EXPECT_EQ(broken.answer(broken.ask("x")), "x");
  atomic::store_relaxed(&broken.device.silent, 1U);
  auto* held = broken.ask("held by the device");
  while (broken.port->bridge->counts().to_device < 2) std::this_thread::yield();
  atomic::store_relaxed(&broken.device.lost, 1U);
  auto* last = broken.ask("y");
  const std::string why = "error: the kernel failed: its bridge failed: the device is lost";
  EXPECT_EQ(broken.answer(held), why);
  EXPECT_EQ(broken.answer(last), why);
  EXPECT_EQ(broken.port->failure, "its bridge failed: the device is lost");
  EXPECT_EQ(sound.answer(sound.ask("z")), "z");
  EXPECT_EQ(replies.in_use(), 0U);
  pump.stop();
}

TEST(BridgeFaults, ThreadSleepsWithoutWork) {
  ReplyPool replies;
  Pump pump;
  Bridged bridged(pump, replies);
  EXPECT_EQ(bridged.answer(bridged.ask("x")), "x");
  // On a busy machine it may be a while until the thread gets there.
  bool still = false;
  for (int tries = 0; tries < 50 && !still; ++tries) {
    const u64 before = pump.sleeps();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    still = before && pump.sleeps() == before;
  }
  EXPECT_TRUE(still) << "it has gone to sleep " << pump.sleeps() << " times";
  EXPECT_EQ(bridged.answer(bridged.ask("y")), "y");
}

}  // namespace
}  // namespace ringway::test
