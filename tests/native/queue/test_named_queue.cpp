// Queues with waiting and an end: no message lost or repeated between threads, also around a close and around slots that
// senders give up; wake-ups of threads and event loops.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/queue_table.h"

namespace ringway {
namespace {

using Side = NamedQueue::Side;
using Offer = NamedQueue::Offer;

struct Record {
  u64 sender, number, inverse;
};

std::shared_ptr<NamedQueue> records(u32 capacity = 64, Backpressure policy = Backpressure::kBlock) {
  NamedQueueOptions options;
  options.name = "records";
  options.type = {Content::kRecord, "Record", 0, sizeof(Record)};
  options.capacity = capacity;
  options.max_message = sizeof(Record);
  options.policy = policy;
  return make_named_queue(options);
}

bool send(NamedQueue& queue, u64 sender, u64 number, double seconds = 20) {
  const Record record{sender, number, ~number};
  return queue.send({{&record, sizeof(record)}}, queue.patience(seconds));
}

bool receive(NamedQueue& queue, Record* record, double seconds = 20) {
  std::vector<u8> message;
  if (!queue.wait(Side::kReceive, Wait::seconds(seconds), [&] { return queue.try_receive(&message); })) {
    return false;
  }
  EXPECT_EQ(message.size(), sizeof(Record));
  std::memcpy(record, message.data(), sizeof(Record));
  EXPECT_EQ(record->inverse, ~record->number);
  return true;
}

template <class Call>
bool closed_by(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kClosed);
    return true;
  }
  return false;
}

// Receives until the end; how many came from each sender, each in order.
std::vector<u64> receive_all(NamedQueue& queue, u32 senders) {
  std::vector<u64> next(senders);
  Record record{};
  while (!closed_by([&] { EXPECT_TRUE(receive(queue, &record)); })) {
    EXPECT_GE(record.number, next[record.sender]);
    next[record.sender] = record.number + 1;
  }
  return next;
}

TEST(NamedQueue, SendersThatRaceACloseLoseNothing) {
  for (int round = 0; round < 30; ++round) {
    const auto queue = records(16);
    std::vector<u64> sent(2);
    std::vector<std::thread> threads;
    for (u64 sender = 0; sender < 2; ++sender) {
      threads.emplace_back([&, sender] {
        while (!closed_by([&] { send(*queue, sender, sent[sender]); })) ++sent[sender];
      });
    }
    std::thread closer([&] {
      while (queue->counts().sent < 200) std::this_thread::yield();
      queue->close(false);
    });
    const std::vector<u64> received = receive_all(*queue, 2);
    for (auto& thread : threads) thread.join();
    closer.join();
    EXPECT_EQ(received, sent);
  }
}

TEST(NamedQueue, RunsThatAreGivenUpAreSeenByNobody) {
  const auto queue = records(32);
  constexpr u64 kEach = 5'000;
  std::vector<std::thread> threads;
  for (u64 sender = 0; sender < 2; ++sender) {
    threads.emplace_back([&, sender] {
      for (u64 number = 0; number < kEach;) {
        SlotClaim run{};
        queue->wait(Side::kSend, Wait::seconds(20), [&] { return (run = queue->try_reserve(7)).count != 0; });
        EXPECT_LE((run.first & 31) + run.count, 32U) << "a run goes across the end of the ring";
        const u32 keep = u32(std::min<u64>(run.count - run.first % 3 % run.count, kEach - number));
        for (u32 i = 0; i < run.count; ++i) {
          const Record record{sender, i < keep ? number + i : ~u64(0), i < keep ? ~(number + i) : 0};
          std::memcpy(queue->payload(run.first + i), &record, sizeof(record));
        }
        queue->publish(run, nullptr, keep);
        number += keep;
      }
    });
  }
  std::vector<u64> next(2);
  u64 received = 0;
  while (received < 2 * kEach) {
    SlotClaim run{};
    ASSERT_TRUE(queue->wait(Side::kReceive, Wait::seconds(20),
                            [&] { return (run = queue->try_peek(5)).count != 0; }));
    for (u32 i = 0; i < run.count; ++i) {
      Record record{};
      std::memcpy(&record, queue->payload(run.first + i), sizeof(record));
      EXPECT_EQ(record.inverse, ~record.number);
      EXPECT_EQ(record.number, next[record.sender]++);
    }
    received += run.count;
    queue->release(run);
  }
  for (auto& thread : threads) thread.join();
  std::vector<u8> message;
  EXPECT_FALSE(queue->try_receive(&message));
  const NamedCounts counts = queue->counts();
  EXPECT_EQ(counts.sent, 2 * kEach);
  EXPECT_EQ(counts.received, 2 * kEach);
  EXPECT_EQ(counts.depth, 0U);
}

TEST(NamedQueue, ManyMessagesGoThroughBothSidesOfAWrap) {
  const auto queue = records(64);
  constexpr u32 kAll = 20'000;
  std::vector<Record> sent(kAll), received(kAll);
  for (u32 i = 0; i < kAll; ++i) sent[i] = {0, i, ~u64(i)};
  std::thread sender([&] {
    u32 done = 0, dropped = 0;
    while (done < kAll) {
      queue->wait(Side::kSend, Wait::seconds(20), [&] {
        const u32 more = queue->try_send_many(reinterpret_cast<const u8*>(&sent[done]), sizeof(Record),
                                              std::min(kAll - done, 100U), &dropped);
        done += more;
        return more != 0;
      });
    }
    EXPECT_EQ(dropped, 0U);
  });
  for (u32 done = 0; done < kAll;) {
    ASSERT_TRUE(queue->wait(Side::kReceive, Wait::seconds(20), [&] {
      const u32 more = queue->try_receive_many(reinterpret_cast<u8*>(&received[done]), sizeof(Record),
                                               std::min(kAll - done, 77U));
      done += more;
      return more != 0;
    }));
  }
  sender.join();
  EXPECT_EQ(std::memcmp(sent.data(), received.data(), kAll * sizeof(Record)), 0);
}

TEST(NamedQueue, DropOldestCountsEachMessageOnce) {
  const auto queue = records(16, Backpressure::kDropOldest);
  constexpr u64 kEach = 3'000;
  std::vector<std::thread> threads;
  for (u64 sender = 0; sender < 2; ++sender) {
    threads.emplace_back([&, sender] {
      for (u64 number = 0; number < kEach; ++number) send(*queue, sender, number);
    });
  }
  u64 received = 0;
  std::thread receiver([&] {
    Record record{};
    while (!closed_by([&] { EXPECT_TRUE(receive(*queue, &record)); })) ++received;
  });
  for (auto& thread : threads) thread.join();
  queue->close(false);
  receiver.join();
  const NamedCounts counts = queue->counts();
  EXPECT_EQ(received, counts.received);
  EXPECT_EQ(counts.sent + counts.dropped_new, 2 * kEach);
  EXPECT_EQ(received + counts.dropped_oldest, counts.sent);
}

TEST(NamedQueue, AFullQueueFollowsItsPolicy) {
  for (const auto policy : {Backpressure::kBlock, Backpressure::kReject}) {
    const auto queue = records(16, policy);
    for (u64 i = 0; i < 16; ++i) send(*queue, 0, i);
    EXPECT_THROW(send(*queue, 0, 16, 0), Error);
    EXPECT_EQ(queue->counts().refused, 1U);
  }
  const auto queue = records(16, Backpressure::kDropNew);
  for (u64 i = 0; i < 16; ++i) EXPECT_TRUE(send(*queue, 0, i));
  EXPECT_FALSE(send(*queue, 0, 16));
  EXPECT_EQ(queue->counts().dropped_new, 1U);
}

TEST(NamedQueue, AnEventLoopIsToldOnce) {
  const auto queue = records(16);
  CompletionPort port;
  Completion message, room;
  message.port = room.port = &port;
  message.token = 1;
  room.token = 2;
  const std::vector<std::uint64_t> told_message{1}, told_room{2};
  queue->watch(Side::kReceive, &message);
  send(*queue, 0, 0);
  send(*queue, 0, 1);
  EXPECT_EQ(port.take(), told_message);
  queue->watch(Side::kSend, &room);
  EXPECT_TRUE(queue->unwatch(Side::kSend, &room));
  queue->watch(Side::kSend, &room);
  Record record{};
  receive(*queue, &record);
  EXPECT_EQ(port.take(), told_room);
  EXPECT_FALSE(queue->unwatch(Side::kSend, &room));
  queue->watch(Side::kReceive, &message);
  queue->close(true);
  EXPECT_EQ(port.take(), told_message);
}

// Stops each sender just before it claims its slot, until it may go on.
class SlowQueue : public NamedQueue {
 public:
  using NamedQueue::NamedQueue;
  u32 arrived = 0, may_go_on = 0;

 protected:
  SlotClaim claim(Side side, u32 n, bool one_run, u32* room) override {
    if (side == Side::kSend) {
      atomic::store_relaxed(&arrived, 1U);
      while (!atomic::load_relaxed(&may_go_on)) std::this_thread::yield();
    }
    return NamedQueue::claim(side, n, one_run, room);
  }
};

TEST(NamedQueue, ASenderThatWasThereBeforeTheCloseIsWaitedFor) {
  QueueOptions slots;
  slots.capacity = 16;
  slots.max_message = sizeof(Record);
  SlowQueue queue(Queue(slots), {Content::kRecord, "Record", 0, sizeof(Record)}, 5);
  std::thread sender([&] { send(queue, 0, 7); });
  while (!atomic::load_relaxed(&queue.arrived)) std::this_thread::yield();
  queue.close(false);
  std::vector<u8> message;
  EXPECT_FALSE(queue.try_receive(&message)) << "not at the end: a message is on its way";
  atomic::store_relaxed(&queue.may_go_on, 1U);
  Record record{};
  EXPECT_TRUE(receive(queue, &record));
  EXPECT_EQ(record.number, 7U);
  sender.join();
  CompletionPort port;
  Completion end;
  end.port = &port;
  queue.watch(Side::kReceive, &end);
  EXPECT_TRUE(closed_by([&] { send(queue, 0, 8); }));
  EXPECT_EQ(port.take().size(), 1U) << "a sender that leaves a closed queue tells who waits for its end";
}

TEST(QueueTelemetry, OneInSoManyIsTimedByEveryWayThrough) {
  constexpr u32 kMany = 4 * NamedQueue::kLatencySample;
  auto queue = records(256);
  std::vector<Record> batch(kMany, Record{0, 0, ~u64(0)});
  Record record;
  for (u32 i = 0; i < kMany; ++i) {
    EXPECT_TRUE(send(*queue, 0, i));
    EXPECT_TRUE(receive(*queue, &record));
  }
  EXPECT_EQ(queue->telemetry().latency.count(), 4U);
  u32 dropped = 0;
  EXPECT_EQ(queue->try_send_many(reinterpret_cast<u8*>(batch.data()), sizeof(Record), kMany, &dropped),
            kMany);
  EXPECT_EQ(queue->try_receive_many(reinterpret_cast<u8*>(batch.data()), sizeof(Record), kMany), kMany);
  EXPECT_EQ(queue->telemetry().latency.count(), 8U);
  // In place, with the last slots given up: those are not timed.
  queue->publish(queue->try_reserve(kMany), nullptr, kMany - NamedQueue::kLatencySample);
  queue->release(queue->try_peek(kMany));
  const QueueTelemetry seen = queue->telemetry();
  EXPECT_EQ(seen.latency.count(), 11U);
  EXPECT_EQ(seen.counts.sent, 3U * kMany - NamedQueue::kLatencySample);
  EXPECT_EQ(seen.counts.received, seen.counts.sent);
  EXPECT_EQ(seen.capacity, 256U);
  EXPECT_LE(seen.last_message_us, unix_us());
  EXPECT_GT(seen.last_message_us, unix_us() - 60'000'000);
}

TEST(QueueTelemetry, LatencyIsAtLeastWhatAMessageWaited) {
  auto queue = records();
  send(*queue, 0, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  Record record;
  EXPECT_TRUE(receive(*queue, &record));
  EXPECT_GE(queue->telemetry().latency.sum, 20'000'000U);
}

TEST(QueueTelemetry, AResetCountsFromThere) {
  auto queue = records(16, Backpressure::kDropNew);
  for (u64 i = 0; i < 20; ++i) send(*queue, 0, i);
  EXPECT_EQ(queue->telemetry().counts.dropped_new, 4U);
  queue->reset_telemetry();
  QueueTelemetry seen = queue->telemetry();
  EXPECT_EQ(seen.counts, (NamedCounts{16, 0, 0, 0, 0, 0}));
  EXPECT_NE(seen.last_message_us, 0U);
  Record record;
  receive(*queue, &record);
  seen = queue->telemetry();
  EXPECT_EQ(seen.counts, (NamedCounts{15, 0, 1, 0, 0, 0}));
  EXPECT_EQ(seen.latency.count(), 1U);
  EXPECT_EQ(queue->counts(), (NamedCounts{15, 16, 1, 4, 0, 0}));
}

TEST(QueueTelemetry, OffNothingIsTimedAndNoOldStampCountsLater) {
  auto queue = records(64);
  Record record;
  auto lap = [&] {
    for (u32 i = 0; i < 64; ++i) {
      send(*queue, 0, i);
      receive(*queue, &record);
    }
  };
  send(*queue, 0, 0);  // stamped
  queue->enable_telemetry(false);
  receive(*queue, &record);
  const u64 last = queue->telemetry().last_message_us;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  lap();
  EXPECT_EQ(queue->telemetry().latency.count(), 0U);
  EXPECT_EQ(queue->telemetry().last_message_us, last);
  for (u32 i = 0; i < 64; ++i) send(*queue, 0, i);  // the sampled slot's among them, without a stamp
  queue->enable_telemetry(true);
  for (u32 i = 0; i < 64; ++i) receive(*queue, &record);
  EXPECT_EQ(queue->telemetry().latency.count(), 0U);
  lap();
  EXPECT_EQ(queue->telemetry().latency.count(), 1U);
  EXPECT_GT(queue->telemetry().last_message_us, last);
}

TEST(QueueTable, NamesAreUniqueUntilTheirQueueIsClosed) {
  QueueTable table;
  const auto free = [](const std::string&) { return false; };
  NamedQueueOptions options;
  options.name = "orders";
  const auto first = table.open(options, free);
  EXPECT_THROW(table.open(options, free), Error);
  EXPECT_EQ(table.find("orders"), first);
  first->close(false);
  EXPECT_EQ(table.find("orders"), nullptr);
  EXPECT_NE(table.open(options, free), first);
  options.name = "";
  EXPECT_EQ(table.open(options, [](const std::string& name) { return name == "queue-0"; })->name(),
            "queue-1");
  EXPECT_EQ(table.all().size(), 2U);
  table.close();
  EXPECT_TRUE(table.all().empty());
}

}  // namespace
}  // namespace ringway
