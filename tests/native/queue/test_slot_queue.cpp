// The ring by one thread and by several, both ticket widths, every batch size, starting just below the wrap.
#include <atomic>
#include <cstring>
#include <thread>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "native/queue/harness.h"

namespace ringway::testing {
namespace {

template <class A>
class SlotQueue : public ::testing::Test {
 protected:
  // Just below where 32 bits, and the ticket itself, wrap.
  static std::vector<typename A::Ticket> starts() {
    return {0, typename A::Ticket(0xffffff00u), typename A::Ticket(~typename A::Ticket(0) - 7)};
  }
};
using Widths = ::testing::Types<HostAtomics<u64>, HostAtomics<u32>>;
TYPED_TEST_SUITE(SlotQueue, Widths);

TYPED_TEST(SlotQueue, ZeroFilledMemoryIsAnEmptyQueue) {
  using A = TypeParam;
  RawQueue<A> walked(16, 64, 16), fresh(16, 64, 0);
  // The second lap of a queue that starts there, written slot by slot, differs from zeros by one lap only.
  for (u32 i = 0; i < 16; ++i) {
    EXPECT_EQ(walked.ring.slot(i)->word, 16U);
    EXPECT_EQ(fresh.ring.slot(i)->word, 0U);
  }
  u32 words[kSlotWords];
  auto consumer = open<Consumer<A, false>>(fresh.ring);
  EXPECT_EQ(consumer.pop(words), -1);
}

TYPED_TEST(SlotQueue, KeepsOrderAndSizes) {
  using A = TypeParam;
  for (auto first : this->starts()) {
    RawQueue<A> queue(16, 64, first);
    auto producer = open<Producer<A, false>>(queue.ring);
    auto consumer = open<Consumer<A, false>>(queue.ring);
    u32 in[kSlotWords * 16], out[kSlotWords * 16], sent = 0, received = 0;
    for (u32 round = 0; round < 500; ++round) {
      const u32 wanted = 1 + round % 16;
      for (u32 i = 0; i < wanted; ++i) write_message(in + i * kSlotWords, kSlotWords, 0, sent + i);
      sent += producer.push_n(in, wanted, 56);
      const u32 got = consumer.pop_n(out, 1 + round * 7 % 16, 56);
      for (u32 i = 0; i < got; ++i) {
        ASSERT_EQ(out[i * kSlotWords + 1], received + i);
        ASSERT_TRUE(whole_message(out + i * kSlotWords, kSlotWords));
      }
      received += got;
      ASSERT_LE(sent - received, 16U);
    }
    while (consumer.pop(out) == 56) ASSERT_EQ(out[1], received++);
    EXPECT_EQ(sent, received);
    EXPECT_GT(sent, 2000U);

    for (u32 i = 0; i < 16; ++i) EXPECT_TRUE(producer.push(in, i));
    EXPECT_FALSE(producer.push(in, 4));
    for (u32 i = 0; i < 16; ++i) EXPECT_EQ(consumer.pop(out), i32(i));
    EXPECT_EQ(consumer.pop(out), -1);
  }
}

TYPED_TEST(SlotQueue, CarriesFlagsAndTheLargestSize) {
  using A = TypeParam;
  RawQueue<A> queue(16, 64, 0);
  auto producer = open<Producer<A, true>>(queue.ring);
  auto consumer = open<Consumer<A, true>>(queue.ring);
  producer.publish(producer.reserve(1).first, kSizeMask, 255);
  const u64 ticket = consumer.peek(1).first;
  EXPECT_EQ(consumer.size(typename A::Ticket(ticket)), u32(kSizeMask));
  EXPECT_EQ(consumer.flags(typename A::Ticket(ticket)), 255U);
}

TYPED_TEST(SlotQueue, CopiesEveryLengthAndNothingBehindIt) {
  using A = TypeParam;
  RawQueue<A> queue(16, 1024, 0);
  auto producer = open<Producer<A, false>>(queue.ring);
  auto consumer = open<Consumer<A, false>>(queue.ring);
  for (u32 bytes = 0; bytes <= 600; ++bytes) {
    u32 in[160], out[160], fixed[160];
    auto* in_bytes = reinterpret_cast<u8*>(in);
    for (u32 i = 0; i < sizeof(in); ++i) in_bytes[i] = u8(bytes + 3 * i);
    std::memset(out, 0xee, sizeof(out));
    ASSERT_TRUE(producer.push(in, bytes));
    ASSERT_TRUE(producer.push(in, bytes));
    ASSERT_EQ(consumer.pop(out), i32(bytes));
    ASSERT_EQ(consumer.template pop<sizeof(fixed)>(fixed), i32(bytes));
    ASSERT_EQ(std::memcmp(in, out, bytes), 0);
    ASSERT_EQ(std::memcmp(in, fixed, bytes), 0);
    for (u32 i = bytes; i < sizeof(out); ++i) ASSERT_EQ(reinterpret_cast<u8*>(out)[i], 0xee);
  }
}

TYPED_TEST(SlotQueue, SuccessorOfALoneProducerGoesOnWhereItStopped) {
  using A = TypeParam;
  for (auto first : this->starts()) {
    RawQueue<A> queue(16, 64, first);
    auto producer = open<Producer<A, false>>(queue.ring);
    for (u32 i = 0; i < 5; ++i) producer.publish(producer.reserve(1).first, 0, 0);  // never shown
    auto next = open<Producer<A, false>>(queue.ring);
    EXPECT_EQ(next.next, producer.next);
  }
}

struct Received {
  u32 sender, number;
};

template <class A, bool ManyProducers, bool ManyConsumers>
void transfer(u32 producers, u32 consumers, u32 each, u32 batch, typename A::Ticket first) {
  RawQueue<A> queue(16, 64, first);
  std::vector<std::vector<Received>> got(consumers);
  std::vector<std::thread> threads;
  std::atomic<u32> left{producers * each}, torn{0};
  for (u32 id = 0; id < producers; ++id) {
    threads.emplace_back([&, id] {
      auto producer = open<Producer<A, ManyProducers>>(queue.ring);
      u32 words[kSlotWords * 16];
      for (u32 i = 0; i < each;) {
        const u32 n = batch < each - i ? batch : each - i;
        for (u32 k = 0; k < n; ++k) write_message(words + k * kSlotWords, kSlotWords, id, i + k);
        const u32 done = batch == 1 ? producer.push(words, 8 + (i % 13) * 4) : producer.push_n(words, n, 56);
        i += done;
        if (!done) std::this_thread::yield();
      }
    });
  }
  for (u32 id = 0; id < consumers; ++id) {
    threads.emplace_back([&, id] {
      auto consumer = open<Consumer<A, ManyConsumers>>(queue.ring);
      while (left.load(std::memory_order_relaxed)) {
        auto claim = consumer.peek(batch);
        for (u32 k = 0; k < claim.count; ++k) {
          const u32* words = raw_payload(queue.ring.slot(claim.first + k));
          const u32 bytes = consumer.size(claim.first + k);
          const bool sized = bytes == (batch == 1 ? 8 + (words[1] % 13) * 4 : 56);
          if (!sized || !whole_message(words, bytes / 4)) torn.fetch_add(1, std::memory_order_relaxed);
          got[id].push_back({words[0], words[1]});
        }
        consumer.release_n(claim);
        consumer.show();
        if (claim.count) {
          left.fetch_sub(claim.count, std::memory_order_relaxed);
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(torn, 0U);
  std::vector<u8> seen(std::size_t(producers) * each);
  for (const auto& list : got) {
    std::vector<i32> last(producers, -1);
    for (const Received& message : list) {
      ASSERT_LT(message.sender, producers);
      ASSERT_LT(message.number, each);
      ASSERT_GT(i32(message.number), last[message.sender]) << "out of order";
      last[message.sender] = i32(message.number);
      ASSERT_EQ(seen[std::size_t(message.sender) * each + message.number]++, 0) << "twice";
    }
  }
  for (u8 times : seen) ASSERT_EQ(times, 1) << "lost";
}

TYPED_TEST(SlotQueue, ThreadsLoseNothingTearNothingReorderNothing) {
  using A = TypeParam;
  using Ticket = typename A::Ticket;
  const Ticket first = Ticket(0xffffff00u);
  const u32 each = full_run() ? 2000000 : 20000;
  for (u32 batch : {1U, 5U, 16U}) {
    transfer<A, false, false>(1, 1, each, batch, first);
    transfer<A, true, false>(3, 1, each / 3, batch, first);
    transfer<A, false, true>(1, 2, each / 2, batch, first);
    transfer<A, true, true>(2, 3, each / 3, batch, first);
  }
}

// 2 producers, 2 consumers: the stress test that the thread sanitizer runs too.
TEST(SlotQueueStress, TwoByTwo) {
  const u32 each = full_run() ? 5000000 : 250000;
  transfer<HostAtomics<u64>, true, true>(2, 2, each, 1, 0xffffff00u);
  transfer<HostAtomics<u64>, true, true>(2, 2, each, 8, 0xffffff00u);
}

// Against a reader that stays in place: nothing torn, and what was sent is received or counted.
TYPED_TEST(SlotQueue, DropOldestNeverTearsAndCountsWhatItDrops) {
  using A = TypeParam;
  const u32 each = full_run() ? 2000000 : 20000;
  RawQueue<A> queue(16, 64, typename A::Ticket(0xffffff00u));
  std::atomic<bool> stop{false};
  u32 received = 0, torn = 0, disordered = 0;
  std::thread reader([&] {
    auto consumer = open<Consumer<A, true>>(queue.ring);
    for (i32 last = -1;;) {
      const bool end = stop.load(
          std::memory_order_acquire);  // SYNC: partner the store below: nothing follows what is there
      auto claim = consumer.peek(1);
      if (!claim.count) {
        if (end) break;
        continue;
      }
      const u32* words = raw_payload(queue.ring.slot(claim.first));
      const i32 number = i32(words[1]);
      if (number % 64 == 0) std::this_thread::yield();
      torn += !whole_message(words, kSlotWords);
      disordered += number <= last;
      last = number;
      ++received;
      consumer.release(claim.first);
    }
  });
  auto producer = open<Producer<A, false>>(queue.ring);
  u32 words[kSlotWords], refused = 0;
  for (u32 i = 0; i < each; ++i) {
    write_message(words, kSlotWords, 0, i);
    refused += producer.push_drop_oldest(words, 56) == 0;
  }
  stop.store(true, std::memory_order_release);  // SYNC: partner the load in the reader
  reader.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(disordered, 0U);
  EXPECT_EQ(refused, queue.ring.header->dropped_new);
  EXPECT_EQ(received + queue.ring.header->dropped_new + queue.ring.header->dropped_oldest, each);
}

}  // namespace
}  // namespace ringway::testing
