// Shared queues while all goes well, and memory that is not one.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <thread>

#include "core/shared_parts.h"
#include "core/shared_system.h"
#include "native/shared/processes.h"

namespace ringway::testing {
namespace {

using State = SharedQueueInfo::State;

TEST(SharedQueue, AnotherProcessReceivesWhatThisOneSends) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  Child child([&] {
    auto other = SharedQueue::attach(name);
    for (std::int64_t i = 0; i < 10'000; ++i) {
      if (receive(*other) != i) _exit(2);
    }
  });
  for (u64 i = 0; i < 10'000; ++i) ASSERT_TRUE(send(*queue, i));
  EXPECT_TRUE(child.ended_well());
  EXPECT_EQ(queue->counts().depth, 0U);
  EXPECT_EQ(queue->counts().sent, 10'000U);
  EXPECT_EQ(queue->counts().received, 10'000U);
}

TEST(SharedQueue, ManyProcessesSendAndReceiveEachMessageOnce) {
  constexpr u64 kEach = 3000, kSenders = 2, kReceivers = 2;
  const Name name, results;
  auto queue = SharedQueue::create(options(name, 64));
  auto done = SharedQueue::create(options(results, 1U << 14));
  std::vector<std::unique_ptr<Child>> children;
  for (u64 id = 0; id < kSenders; ++id) {
    children.push_back(std::make_unique<Child>([&] {
      auto own = SharedQueue::attach(name);
      for (u64 i = 0; i < kEach; ++i) send(*own, id * kEach + i);
    }));
  }
  for (u64 id = 0; id < kReceivers; ++id) {
    children.push_back(std::make_unique<Child>([&] {
      auto own = SharedQueue::attach(name), out = SharedQueue::attach(results);
      for (std::int64_t number; (number = receive(*own, 1)) >= 0;) send(*out, u64(number));
    }));
  }
  for (auto& child : children) EXPECT_TRUE(child->ended_well());
  std::vector<int> seen(kEach * kSenders);
  for (u64 i = 0; i < kEach * kSenders; ++i) {
    const std::int64_t number = receive(*done, 0);
    ASSERT_GE(number, 0);
    ++seen[std::size_t(number)];
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), std::ptrdiff_t(seen.size()));
}

TEST(SharedQueue, TheEndComesAfterEveryMessageForEveryProcess) {
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    const Name name;
    auto queue = SharedQueue::create(options(name, 16));
    const Name results;
    auto done = SharedQueue::create(options(results, 1U << 14));
    std::vector<std::unique_ptr<Child>> senders, receivers;
    // Each says at last how many it sent, which none of the others may have cut off.
    for (int id = 0; id < 2; ++id) {
      senders.push_back(std::make_unique<Child>([&] {
        auto own = SharedQueue::attach(name), out = SharedQueue::attach(results);
        u64 sent = 0;
        try {
          while (send(*own, 1)) ++sent;
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::kClosed) _exit(2);
        }
        send(*out, sent << 1);
      }));
      receivers.push_back(std::make_unique<Child>([&] {
        auto own = SharedQueue::attach(name), out = SharedQueue::attach(results);
        u64 received = 0;
        try {
          while (receive(*own, 20) == 1) ++received;
          _exit(3);
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::kClosed) _exit(2);
        }
        send(*out, received << 1 | 1);
      }));
    }
    while (queue->counts().received < 100) std::this_thread::yield();
    queue->end();
    for (auto& child : senders) EXPECT_TRUE(child->ended_well());
    for (auto& child : receivers) EXPECT_TRUE(child->ended_well());
    u64 sent = 0, received = 0;
    for (int i = 0; i < 4; ++i) {
      const auto number = u64(receive(*done, 0));
      (number & 1 ? received : sent) += number >> 1;
    }
    EXPECT_EQ(sent, received);
    EXPECT_TRUE(queue->shut());
    error_of(ErrorKind::kClosed, [&] { send(*queue, 1); });
    error_of(ErrorKind::kClosed, [&] { SharedQueue::attach(name)->try_reserve(1); });
  }
}

TEST(SharedQueue, SleepersSeeTheEnd) {
  const Name name;
  auto queue = SharedQueue::create(options(name, 16)), other = SharedQueue::attach(name);
  std::thread receiver([&] { error_of(ErrorKind::kClosed, [&] { receive(*other, 60); }); });
  queue->end();
  receiver.join();
  const Name full;
  auto stuffed = SharedQueue::create(options(full, 16)), another = SharedQueue::attach(full);
  for (u64 i = 0; i < 16; ++i) send(*stuffed, i);
  std::thread sender([&] { error_of(ErrorKind::kClosed, [&] { send(*another, 16, 60); }); });
  stuffed->end();
  sender.join();
  for (std::int64_t i = 0; i < 16; ++i) EXPECT_EQ(receive(*another, 0), i);
  error_of(ErrorKind::kClosed, [&] { receive(*another, 0); });
}

TEST(SharedQueue, TheEndWaitsForWhatWasClaimedBefore) {
  const Name name;
  auto queue = SharedQueue::create(options(name, 16)), other = SharedQueue::attach(name);
  const SlotClaim claim = queue->try_reserve(1);
  ASSERT_EQ(claim.count, 1U);
  queue->end();
  EXPECT_EQ(receive(*other, 0), -1) << "the end came before a message that is on its way";
  const u64 number = 7;
  std::memcpy(queue->payload(claim.first), &number, sizeof(number));
  const u32 size = sizeof(number);
  queue->publish(claim, &size, 1);
  EXPECT_EQ(receive(*other, 0), 7);
  error_of(ErrorKind::kClosed, [&] { receive(*other, 0); });
}

TEST(SharedQueue, TheEndWaitsForWhatDeadReceiversHad) {
  const Name name;
  auto queue = SharedQueue::create(options(name, 16));
  std::vector<std::int64_t> numbers(3);
  for (u64 i = 0; i < numbers.size(); ++i) {
    send(*queue, i);
    Child child([&] {
      auto own = SharedQueue::attach(name);
      _exit(own->try_peek(1).count == 1 ? 0 : 2);
    });
    EXPECT_TRUE(child.ended_well());
  }
  queue->end();
  // One look for what the dead have left finds one message; the next look comes some time later.
  for (auto& number : numbers) number = receive(*queue, 10);
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{0, 1, 2}));
  error_of(ErrorKind::kClosed, [&] { receive(*queue, 0); });
}

TEST(SharedQueue, AModeLetsOthersIn) {
  if (!shares_with_others()) {
    const Name name;
    error_of(ErrorKind::kInvalidOption, [&] { SharedQueue::create(options(name), false, kGroup); });
    return;
  }
  const Name name;
  auto queue = SharedQueue::create(options(name), false, kGroup);
  EXPECT_TRUE(has(error_of(ErrorKind::kLayout, [&] { SharedQueue::attach(name); }), "mode=0o660"));
  SharedQueue::attach(name, 5, kGroup);
  SharedQueue::attach(name, 5, kEverybody);
  error_of(ErrorKind::kInvalidOption, [&] { SharedQueue::attach(name, 5, 0640); });
  EXPECT_EQ(inspect_shared_queue(name).mode, u32(kGroup));
}

TEST(SharedQueue, PolicyTypeAndSizesAreTheCreators) {
  const Name name;
  NamedQueueOptions asked = options(name, 32, Backpressure::kDropOldest);
  asked.type = {Content::kRecord, "[('x', '<f8')]", 7, 8};
  auto queue = SharedQueue::create(asked);
  auto other = SharedQueue::attach(name);
  EXPECT_EQ(other->queue().options().policy, Backpressure::kDropOldest);
  EXPECT_EQ(other->type().name, asked.type.name);
  EXPECT_EQ(other->type().type_id, 7U);
  EXPECT_EQ(other->type().fixed_size, 8U);
  EXPECT_EQ(other->queue().ring().capacity, 32U);
  EXPECT_EQ(other->max_message(), queue->max_message());
}

TEST(SharedQueue, PoliciesHoldAsWithinAProcess) {
  for (const Backpressure policy :
       {Backpressure::kReject, Backpressure::kDropNew, Backpressure::kDropOldest}) {
    const Name name;
    auto queue = SharedQueue::create(options(name, 16, policy)), other = SharedQueue::attach(name);
    for (u64 i = 0; i < 16; ++i) EXPECT_TRUE(send(*queue, i));
    if (policy == Backpressure::kReject) {
      error_of(ErrorKind::kQueueFull, [&] { send(*queue, 16); });
    } else {
      EXPECT_EQ(send(*queue, 16), policy == Backpressure::kDropOldest);
    }
    const u64 first = policy == Backpressure::kDropOldest ? 1 : 0;
    for (u64 i = first; i < 16 + first; ++i) EXPECT_EQ(receive(*other, 0), std::int64_t(i));
    EXPECT_EQ(receive(*other, 0), -1);
    const NamedCounts counts = other->counts();
    EXPECT_EQ(counts.refused, policy == Backpressure::kReject);
    EXPECT_EQ(counts.dropped_new, policy == Backpressure::kDropNew);
    EXPECT_EQ(counts.dropped_oldest, policy == Backpressure::kDropOldest);
    EXPECT_EQ(counts.received, 16U);
  }
}

TEST(SharedQueue, SlotsMayBeHeldWhileOthersSendAndReceive) {
  const Name name;
  auto queue = SharedQueue::create(options(name)), other = SharedQueue::attach(name);
  const SlotClaim held = queue->try_reserve(3);
  ASSERT_EQ(held.count, 3U);
  EXPECT_TRUE(send(*queue, 9));
  EXPECT_EQ(receive(*other, 0.02), -1);
  EXPECT_TRUE(has(other->held_up(), std::to_string(getpid())));
  const u64 number = 8;
  std::memcpy(queue->payload(held.first), &number, sizeof(number));
  const u32 sizes[] = {sizeof(number)};
  queue->publish(held, sizes, 1);  // the others are given up
  EXPECT_EQ(receive(*other), 8);
  const SlotClaim peeked = other->try_peek(4);
  ASSERT_EQ(peeked.count, 1U);
  EXPECT_TRUE(send(*queue, 10));
  EXPECT_EQ(receive(*other), 10);
  other->release(peeked);
  EXPECT_EQ(queue->counts().sent, 3U);
  EXPECT_EQ(queue->counts().received, 3U);
  EXPECT_EQ(queue->counts().skipped, 0U);
}

TEST(SharedQueue, ASleepingReceiverIsWokenAtOnce) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  Flag waits;
  Child child([&] {
    auto other = SharedQueue::attach(name);
    waits.set();
    if (receive(*other) != 5) _exit(2);
  });
  waits.wait();
  usleep(50'000);
  EXPECT_TRUE(send(*queue, 5));
  EXPECT_TRUE(child.ended_well());
}

TEST(SharedQueue, ClosingEndsTheCallsOfThisProcessOnly) {
  const Name name;
  auto queue = SharedQueue::create(options(name)), other = SharedQueue::attach(name);
  std::thread waits([&] { error_of(ErrorKind::kClosed, [&] { receive(*queue); }); });
  usleep(20'000);
  queue->close(false);
  waits.join();
  error_of(ErrorKind::kClosed, [&] { send(*queue, 1); });
  EXPECT_TRUE(send(*other, 2));
  EXPECT_EQ(receive(*other), 2);
}

TEST(SharedQueue, AChildMayNotUseTheParentsAttachment) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  const SlotClaim held = queue->try_reserve(1);
  Child child([&] {
    const std::string text = error_of(ErrorKind::kForked, [&] { send(*queue, 1); });
    queue->publish(held, nullptr, 0);
    queue.reset();
    auto own = SharedQueue::attach(name);
    send(*own, 2);
  });
  EXPECT_TRUE(child.ended_well());
  EXPECT_EQ(receive(*queue, 0.02), -1);  // behind the slot that is held
  const u64 number = 1;
  const u32 sizes[] = {sizeof(number)};
  std::memcpy(queue->payload(held.first), &number, sizeof(number));
  queue->publish(held, sizes, 1);
  EXPECT_EQ(receive(*queue), 1);
  EXPECT_EQ(receive(*queue), 2);
}

TEST(SharedQueue, NamesAndOptionsAreChecked) {
  for (const char* name : {"", ".x", "a/b", "a b", "123456789012345678901234567"}) {
    EXPECT_TRUE(has(error_of(ErrorKind::kInvalidOption, [&] { SharedQueue::create(options(name)); }),
                    "1 to 26 letters"));
    error_of(ErrorKind::kInvalidOption, [&] { SharedQueue::attach(name); });
  }
  const Name name;
  EXPECT_TRUE(
      has(error_of(ErrorKind::kInvalidOption, [&] { SharedQueue::create(options(name, 17)); }), "capacity"));
  NamedQueueOptions asked = options(name);
  asked.type.name = std::string(2000, 'x');
  EXPECT_TRUE(has(error_of(ErrorKind::kInvalidOption, [&] { SharedQueue::create(asked); }), "1023 bytes"));
  asked = options(name, 1U << 20);
  asked.slot_size = 1 << 24;
  error_of(ErrorKind::kInvalidOption, [&] { SharedQueue::create(asked); });
  asked.slot_size = (1 << 24) - 100;  // 16 TiB
  error_of(ErrorKind::kOutOfMemory, [&] { SharedQueue::create(asked); });
  EXPECT_TRUE(has(error_of(ErrorKind::kNotFound, [&] { SharedQueue::attach(name); }), name.text()));
}

TEST(SharedQueue, OnlyOneOfTwoCreatorsGetsTheName) {
  const Name name;
  Flag made, go, end;
  auto create = [&] {
    go.wait();
    try {
      auto queue = SharedQueue::create(options(name));
      made.set();
      end.wait(3);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInvalidState) _exit(2);
      auto queue = SharedQueue::attach(name);  // while the other makes it
      send(*queue, 1);
      end.set();
    }
  };
  Child first(create), second(create), third(create);
  go.set();
  usleep(1000);
  end.wait(2);
  EXPECT_EQ(made.get(), 1U);
  end.set();
  EXPECT_TRUE(first.ended_well());
  EXPECT_TRUE(second.ended_well());
  EXPECT_TRUE(third.ended_well());
}

TEST(SharedQueue, IsOfItsUserOnly) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  const int descriptor = shm_open(shared_object(name).c_str(), O_RDWR, 0);
  ASSERT_GE(descriptor, 0);
  struct stat found = {};
  ASSERT_EQ(fstat(descriptor, &found), 0);
  EXPECT_EQ(found.st_mode & 0777, mode_t(0600));
  if (fchmod(descriptor, 0666) == 0) {
    EXPECT_TRUE(has(error_of(ErrorKind::kLayout, [&] { SharedQueue::attach(name); }), "mode"));
    fchmod(descriptor, 0600);
  }
  if (geteuid() == 0 && fchown(descriptor, 12345, 12345) == 0) {
    const std::string text = error_of(ErrorKind::kLayout, [&] { SharedQueue::attach(name); });
    EXPECT_TRUE(has(text, "user 12345")) << text;
    EXPECT_EQ(fchown(descriptor, 0, 0), 0);
    Child child([&] {
      if (setgid(12345) || setuid(12345)) _exit(3);
      const std::string refused = error_of(ErrorKind::kLayout, [&] { SharedQueue::attach(name); });
      _exit(has(refused, "creator's user") ? 0 : 2);
    });
    EXPECT_TRUE(child.ended_well());
  }
  close(descriptor);
}

TEST(SharedQueue, MemoryThatIsNoneIsRefusedWithTheField) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  const SharedMemory memory = SharedMemory::open(name);
  auto* const block = reinterpret_cast<SharedBlock*>(memory.data());
  const struct {
    u32* field;
    u32 value;
    const char* text;
  } faults[] = {
      {&block->header.magic, 0, "ringway's mark"},
      {&block->header.layout, 99, "layout version is 99"},
      {&block->header.lines, 65, "lines for 65"},
      {&block->header.slots_at, 4096, "begin at 4096"},
      {&block->header.policy, 4, "policy has the number 4"},
      {&block->header.content, 9, "content has the number 9"},
      {&block->header.fixed_size, 1000, "1000 bytes each"},
      {&block->queue.magic, 1, "does not begin"},
      {&block->queue.layout, 9, "layout version is 9"},
      {&block->queue.kind, kKindCallCell, "kind is 2"},
      {&block->queue.ticket_bits, 32, "32 bits"},
      {&block->queue.capacity, 17, "capacity is 17"},
      {&block->queue.capacity, 1U << 20, "do not fit"},
      {&block->queue.stride, 63, "stride is 63"},
      {&block->queue.stride, 1U << 20, "do not fit"},
  };
  for (const auto& planted : faults) {
    const u32 right = *planted.field;
    *planted.field = planted.value;
    const std::string text = error_of(ErrorKind::kLayout, [&] { SharedQueue::attach(name); });
    EXPECT_TRUE(has(text, planted.text)) << text;
    EXPECT_EQ(inspect_shared_queue(name).state, State::kDamaged) << planted.text;
    *planted.field = right;
  }
  EXPECT_EQ(inspect_shared_queue(name).state, State::kLive);
  EXPECT_NO_THROW(SharedQueue::attach(name));
  std::memset(block->header.type_name, 'x', sizeof(block->header.type_name));  // without an end
  EXPECT_EQ(SharedQueue::attach(name)->type().name.size(), kTypeNameBytes - 1U);
}

TEST(SharedQueue, GarbageOfAnySizeIsRefused) {
  for (const std::size_t bytes : {1U, 64U, 4096U, 20'000U, 70'000U}) {
    const Name name;
    const SharedMemory memory = SharedMemory::create(name, bytes);
    std::memset(memory.data(), 0xa5, bytes);
    error_of(ErrorKind::kLayout, [&] { SharedQueue::attach(name); });
    EXPECT_EQ(inspect_shared_queue(name).state, State::kDamaged);
    EXPECT_FALSE(inspect_shared_queue(name).fault.empty());
    remove_shared_queue(name);
    error_of(ErrorKind::kNotFound, [&] { SharedQueue::attach(name); });
  }
}

}  // namespace
}  // namespace ringway::testing
