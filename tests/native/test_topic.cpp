// Topics: kernels come and go while messages flow; meant to run under ThreadSanitizer too.
#include "core/topic.h"

#include <thread>

#include "native/runtime_harness.h"

namespace ringway::test {
namespace {

constexpr double kPatience = 30;

std::shared_ptr<NamedQueue> queue_of(Runtime& runtime, std::int64_t capacity = 16) {
  NamedQueueOptions options;
  options.name = "news";
  options.type.content = Content::kBytes;
  options.capacity = capacity;
  options.slot_size = 64;
  return runtime.open_queue(options);
}

void put(NamedQueue& queue, int number) {
  const std::string text = std::to_string(number);
  queue.send({{text.data(), text.size()}}, queue.patience(kPatience));
}

TEST(Topic, EachSubscriberGetsEveryMessageInOrder) {
  constexpr int kMessages = 1000;
  auto runtime = start();
  auto queue = queue_of(*runtime);
  auto topic = runtime->topic(queue, {});
  std::vector<std::shared_ptr<Kernel>> kernels;
  for (int i = 0; i < 3; ++i) {
    LaunchOptions options;
    options.capacity = i ? 4096 : 16;
    auto kernel = kernels.emplace_back(runtime->launch("echo", "", options));
    kernel->activate();
    runtime->subscribe(*topic, kernel);
  }
  std::thread sender([&] {
    for (int i = 0; i < kMessages; ++i) put(*queue, i);
    queue->end();
  });
  for (const auto& kernel : kernels) {
    for (int i = 0; i < kMessages; ++i) ASSERT_EQ(receive(*kernel, kPatience), std::to_string(i));
  }
  sender.join();
  EXPECT_TRUE(topic->wait(Wait::seconds(kPatience)));
  EXPECT_EQ(topic->taken(), u64(kMessages));
  EXPECT_EQ(topic->delivered(), u64(3 * kMessages));
  EXPECT_EQ(topic->unheard() + topic->refused(), 0U);
  runtime->close();
}

TEST(Topic, ASlowSubscriberHoldsUpTheSendersAndNoOtherKernelsLastMessage) {
  auto runtime = start();
  auto queue = queue_of(*runtime);
  LaunchOptions options;
  options.capacity = 16;
  auto slow = runtime->launch("echo", "slow", options), quick = runtime->launch("echo", "quick", options);
  quick->activate();
  auto topic = runtime->topic(queue, {});
  runtime->subscribe(*topic, slow);
  runtime->subscribe(*topic, quick);
  // 16 in the slow one's mailbox; one in hand, whose slot is not free, and 15 behind it.
  for (int i = 0; i < 32; ++i) put(*queue, i);
  EXPECT_EQ(kind_of([&] { queue->send({{"x", 1}}, queue->patience(0)); }), ErrorKind::kQueueFull);
  for (int i = 0; i < 17; ++i) EXPECT_EQ(receive(*quick), std::to_string(i));
  // Once it has left, the others go on; what waited for it alone is gone.
  EXPECT_TRUE(topic->unsubscribe(*slow));
  EXPECT_FALSE(topic->unsubscribe(*slow));
  for (int i = 17; i < 32; ++i) EXPECT_EQ(receive(*quick), std::to_string(i));
  EXPECT_EQ(slow->telemetry().mailbox.depth, 16U);
  runtime->close();
  EXPECT_TRUE(topic->done());
}

TEST(Topic, StopsWhileItWaitsForRoom) {
  auto runtime = start();
  auto queue = queue_of(*runtime);
  LaunchOptions options;
  options.capacity = 16;
  auto kernel = runtime->launch("echo", "k", options);
  auto topic = runtime->topic(queue, {});
  runtime->subscribe(*topic, kernel);
  for (int i = 0; i < 17; ++i) put(*queue, i);
  while (topic->taken() < 17) std::this_thread::yield();
  topic->stop();
  EXPECT_EQ(topic->why(), "it was stopped");
  const auto letters = kernel->dead_letters().list(false);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(text_of(letters[0]->body), "16");
  runtime->close();
}

TEST(Topic, KernelsComeAndGoUnderLoad) {
  auto runtime = start();
  auto queue = queue_of(*runtime, 64);
  auto topic = runtime->topic(queue, {});
  LaunchOptions options;
  options.capacity = 64;
  options.on_error = OnError::kSkip;
  auto steady = runtime->launch("relay", "steady", options);  // without an output: what it handles is counted
  steady->activate();
  runtime->subscribe(*topic, steady);
  constexpr int kMessages = 20'000;
  std::thread sender([&] {
    for (int i = 0; i < kMessages; ++i) put(*queue, i);
    queue->end();
  });
  for (int round = 0; round < 60; ++round) {
    auto passing = runtime->launch("relay", "passing", options);
    passing->activate();
    runtime->subscribe(*topic, passing);
    std::this_thread::yield();
    if (round % 2) topic->unsubscribe(*passing);
    passing->terminate(false, {});
  }
  sender.join();
  EXPECT_TRUE(topic->wait(Wait::seconds(kPatience)));
  while (steady->telemetry().control.processed < kMessages) std::this_thread::yield();
  EXPECT_EQ(steady->telemetry().control.processed, u64(kMessages));
  EXPECT_EQ(topic->subscribers().size(), 1U);
  runtime->close();
}

TEST(Topic, RefusesWhatWouldNotWork) {
  auto runtime = start(), other = start();
  auto queue = queue_of(*runtime);
  auto topic = runtime->topic(queue, {});
  auto kernel = runtime->launch("echo", "k", {}), vectors = runtime->launch("vector_op", "v", {});
  auto stranger = other->launch("echo", "s", {});
  runtime->subscribe(*topic, kernel);
  EXPECT_EQ(kind_of([&] { runtime->subscribe(*topic, kernel); }), ErrorKind::kInvalidOption);
  EXPECT_EQ(kind_of([&] { runtime->subscribe(*topic, vectors); }), ErrorKind::kTypeMismatch);
  EXPECT_EQ(kind_of([&] { runtime->subscribe(*topic, stranger); }), ErrorKind::kInvalidOption);
  kernel->terminate(false, {});
  EXPECT_TRUE(topic->subscribers().empty());
  EXPECT_EQ(kind_of([&] { runtime->subscribe(*topic, kernel); }), ErrorKind::kClosed);
  put(*queue, 1);
  while (!topic->unheard()) std::this_thread::yield();
  runtime->close();
  EXPECT_EQ(kind_of([&] { runtime->topic(queue, {}); }), ErrorKind::kClosed);
  other->close();
}

}  // namespace
}  // namespace ringway::test
