// A receiver that has no memory for a message leaves it where it is, also when another receiver took the one that it had
// made room for.
#include <cstdlib>
#include <functional>
#include <new>
#include <thread>
#include <utility>

#include "core/queue_table.h"
#include "core/shared_queue.h"
#include "native/runtime_harness.h"

namespace {

constexpr std::size_t kSmall = 600, kLarge = 3000;  // bytes of messages

// Called once, in the middle of a receiver's next allocation of about kSmall bytes; from then on larger ones fail.
thread_local std::function<void()>* meanwhile = nullptr;
thread_local bool large_fails = false;

void* take(std::size_t bytes) {
  if (large_fails && bytes >= kLarge) throw std::bad_alloc();
  if (meanwhile && bytes >= kSmall && bytes < kLarge) {
    std::function<void()>* const now = std::exchange(meanwhile, nullptr);
    (*now)();
    large_fails = true;
  }
  if (void* made = std::malloc(bytes ? bytes : 1)) return made;
  throw std::bad_alloc();
}

}  // namespace

// Not inlined: g++ warns of a mismatch where it sees one half of a pair.
#define RINGWAY_APART __attribute__((noinline))
RINGWAY_APART void* operator new(std::size_t bytes) {
  return take(bytes);
}
RINGWAY_APART void* operator new[](std::size_t bytes) {
  return take(bytes);
}
RINGWAY_APART void operator delete(void* at) noexcept {
  std::free(at);
}
RINGWAY_APART void operator delete[](void* at) noexcept {
  std::free(at);
}
RINGWAY_APART void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}
RINGWAY_APART void operator delete[](void* at, std::size_t) noexcept {
  std::free(at);
}

namespace ringway {
namespace {

const std::string small(kSmall, 's'), large(kLarge, 'l');

// `take` receives one message; between its look at the small one and its claim, `other` takes that.
template <class Take>
void loses_the_race(Take take, std::function<void()> other) {
  meanwhile = &other;
  EXPECT_THROW(take(), std::bad_alloc);
  EXPECT_EQ(meanwhile, nullptr);
  large_fails = false;
}

void receives_what_it_had_no_memory_for(NamedQueue& queue) {
  for (const std::string& text : {small, large}) {
    ASSERT_EQ(queue.try_send({{text.data(), text.size()}}), NamedQueue::Offer::kSent);
  }
  std::vector<u8> others;
  others.reserve(kLarge);
  const std::function<void()> other = [&] { EXPECT_TRUE(queue.try_receive(&others)); };
  loses_the_race(
      [&] {
        std::vector<u8> message;
        queue.try_receive(&message);
      },
      other);
  EXPECT_EQ(test::text_of(others), small);
  std::vector<u8> message;
  ASSERT_TRUE(queue.try_receive(&message));
  EXPECT_EQ(test::text_of(message), large);
  EXPECT_FALSE(queue.try_receive(&message));
}

NamedQueueOptions texts(const std::string& name) {
  NamedQueueOptions options;
  options.name = name;
  options.type = {Content::kBytes, "", 0, 0};
  options.capacity = 16;
  options.max_message = 4096;
  return options;
}

TEST(ReceiveMemory, AMessageOfAQueueIsNotLost) {
  receives_what_it_had_no_memory_for(*make_named_queue(texts("texts")));
}

TEST(ReceiveMemory, AMessageOfASharedQueueIsNotLost) {
  const auto queue = SharedQueue::create(texts("receive_memory"), true);
  receives_what_it_had_no_memory_for(*queue);
  queue->close(true);
}

TEST(ReceiveMemory, AMessageOfAKernelIsNotLost) {
  const auto runtime = test::start(1);
  const auto echo = runtime->launch("echo", "echo", {}, 1, 1);
  echo->activate();
  for (const std::string& text : {small, large}) test::send(*echo, text);
  while (echo->telemetry().control.processed < 2)
    std::this_thread::yield();  // depth counts what is claimed, too
  Message others{};
  others.body.reserve(kLarge);
  loses_the_race(
      [&] {
        Message message{};
        echo->try_receive(&message);
      },
      [&] { EXPECT_TRUE(echo->try_receive(&others)); });
  EXPECT_EQ(test::text_of(others.body), small);
  EXPECT_EQ(test::receive(*echo), large);
  runtime->close();
}

}  // namespace
}  // namespace ringway
