// Feeds between named queues and kernels.
#include "core/feed.h"

#include <atomic>
#include <thread>

#include "native/runtime_harness.h"

namespace ringway::test {
namespace {

constexpr double kPatience = 30;

std::shared_ptr<NamedQueue> queue_of(Runtime& runtime, const std::string& name,
                                     Content content = Content::kBytes,
                                     Backpressure policy = Backpressure::kBlock, std::int64_t slot = 64) {
  NamedQueueOptions options;
  options.name = name;
  options.type.content = content;
  options.capacity = 16;
  options.slot_size = slot;
  options.policy = policy;
  return runtime.open_queue(options);
}

bool put(NamedQueue& queue, const std::string& text) {
  return queue.send({{text.data(), text.size()}}, queue.patience(kPatience));
}

std::string take(NamedQueue& queue) {
  std::vector<u8> message;
  const bool came = queue.wait(NamedQueue::Side::kReceive, Wait::seconds(kPatience),
                               [&] { return queue.try_receive(&message); });
  return came ? text_of(message) : "(nothing)";
}

class FeedBy : public ::testing::TestWithParam<Mode> {};
INSTANTIATE_TEST_SUITE_P(Modes, FeedBy, ::testing::ValuesIn(kModes), name_of_mode);

TEST_P(FeedBy, AKernelWorksBetweenTwoQueues) {
  constexpr int kMessages = 2000;
  auto runtime = start(2, GetParam().assist);
  auto in = queue_of(*runtime, "in"), out = queue_of(*runtime, "out");
  LaunchOptions options;
  options.capacity = 16;
  auto kernel = runtime->launch("echo", "k", in_mode(GetParam(), options));
  kernel->activate();
  auto to = runtime->feed(Feed::Direction::kToKernel, in, kernel, {});
  auto from = runtime->feed(Feed::Direction::kToQueue, out, kernel, {});
  std::thread sender([&] {
    for (int i = 0; i < kMessages; ++i) put(*in, std::to_string(i));
    in->end();
  });
  for (int i = 0; i < kMessages; ++i) ASSERT_EQ(take(*out), std::to_string(i));
  sender.join();
  EXPECT_TRUE(to->wait(Wait::seconds(kPatience)));
  EXPECT_EQ(to->moved(), u64(kMessages));
  EXPECT_FALSE(from->done());
  runtime->close();
  EXPECT_TRUE(from->done());
  EXPECT_FALSE(from->why().empty());
}

TEST(Feed, AFullMailboxFillsTheQueueAndNothingIsLost) {
  for (const Backpressure policy : {Backpressure::kBlock, Backpressure::kReject}) {
    auto runtime = start();
    auto in = queue_of(*runtime, "in");
    LaunchOptions options;
    options.capacity = 16;
    options.policy = policy;
    options.block_timeout = 0;
    auto kernel = runtime->launch("echo", "k", options);
    auto feed = runtime->feed(Feed::Direction::kToKernel, in, kernel, {});
    // 16 in the mailbox; one in hand, whose slot is not free, and 15 behind it.
    for (int i = 0; i < 32; ++i) ASSERT_TRUE(put(*in, std::to_string(i)));
    EXPECT_EQ(kind_of([&] { in->send({{"x", 1}}, in->patience(0)); }), ErrorKind::kQueueFull);
    kernel->activate();
    for (int i = 0; i < 32; ++i) EXPECT_EQ(receive(*kernel), std::to_string(i));
    runtime->close();
  }
}

TEST(Feed, WhatTheTargetDoesNotCarryIsADeadLetter) {
  auto runtime = start();
  auto out = queue_of(*runtime, "out", Content::kBytes, Backpressure::kBlock, 4);
  auto kernel = runtime->launch("echo", "k", {});
  kernel->activate();
  auto feed = runtime->feed(Feed::Direction::kToQueue, out, kernel, {});
  send(*kernel, std::string(out->max_message() + 1, 'x'));
  send(*kernel, "good");
  EXPECT_EQ(take(*out), "good");
  EXPECT_EQ(feed->refused(), 1U);
  const auto letters = kernel->dead_letters().list(false);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]->reason, LetterReason::kRefused);
  runtime->close();
}

TEST(Feed, AStoppedFeedKeepsWhatItHasInHand) {
  auto runtime = start();
  auto in = queue_of(*runtime, "in");
  LaunchOptions options;
  options.capacity = 16;
  auto kernel = runtime->launch("echo", "k", options);
  auto feed = runtime->feed(Feed::Direction::kToKernel, in, kernel, {});
  for (int i = 0; i < 17; ++i) put(*in, std::to_string(i));
  while (in->counts().depth) std::this_thread::yield();
  feed->stop();
  EXPECT_TRUE(feed->done());
  const auto letters = kernel->dead_letters().list(false);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]->reason, LetterReason::kClosed);
  EXPECT_EQ(text_of(letters[0]->body), "16");
  runtime->close();
}

TEST(Feed, EndsWithItsKernel) {
  auto runtime = start();
  auto in = queue_of(*runtime, "in");
  auto kernel = runtime->launch("echo", "k", {});
  kernel->activate();
  auto feed = runtime->feed(Feed::Direction::kToKernel, in, kernel, {});
  kernel->terminate(true, Wait::seconds(kPatience));
  put(*in, "late");
  EXPECT_TRUE(feed->wait(Wait::seconds(kPatience)));
  const auto letters = kernel->dead_letters().list(false);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(text_of(letters[0]->body), "late");
  runtime->close();
}

TEST(Feed, ArraysPassAKernelInOrder) {
  constexpr u32 kMessages = 5000;
  for (const Mode& mode : kModes) {
    auto runtime = start(2, mode.assist);
    LaunchOptions options;
    options.capacity = 64;
    auto kernel = runtime->launch("echo", "k", in_mode(mode, options));
    kernel->activate();
    std::thread sender([&] {
      std::vector<u64> numbers(kMessages);
      for (u32 i = 0; i < kMessages; ++i) numbers[i] = i;
      u32 done = 0, dropped = 0;
      while (done < kMessages) {
        done += kernel->try_send_many(plain(), {}, reinterpret_cast<const u8*>(numbers.data() + done), 8,
                                      kMessages - done, 8, "", &dropped);
        std::this_thread::yield();
      }
      EXPECT_EQ(dropped, 0U);
    });
    std::vector<u64> got(kMessages);
    u32 done = 0;
    while (done < kMessages) {
      u32 more = 0;
      ASSERT_TRUE(kernel->port().output.wait(Wait::seconds(kPatience), [&] {
        more =
            kernel->try_receive_many(0, "", 8, reinterpret_cast<u8*>(got.data() + done), 8, kMessages - done);
        return more != 0;
      }));
      done += more;
    }
    sender.join();
    for (u32 i = 0; i < kMessages; ++i) ASSERT_EQ(got[i], i);
    runtime->close();
  }
}

TEST(NamedQueue, WhatAPolicyDropsIsADeadLetter) {
  for (const Backpressure policy : {Backpressure::kDropNew, Backpressure::kDropOldest}) {
    auto runtime = start();
    auto queue = queue_of(*runtime, "q", Content::kBytes, policy);
    for (int i = 0; i < 18; ++i) put(*queue, std::to_string(i));
    const auto letters = queue->dead_letters().list(true);
    ASSERT_EQ(letters.size(), 2U);
    const bool oldest = policy == Backpressure::kDropOldest;
    EXPECT_EQ(letters[0]->reason, oldest ? LetterReason::kDropOldest : LetterReason::kDropNew);
    EXPECT_EQ(text_of(letters[0]->body), oldest ? "0" : "16");
    EXPECT_EQ(text_of(letters[1]->body), oldest ? "1" : "17");
    EXPECT_TRUE(queue->dead_letters().list(false).empty());
    runtime->close();
  }
}

}  // namespace
}  // namespace ringway::test
