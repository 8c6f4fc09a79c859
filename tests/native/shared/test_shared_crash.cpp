// Shared queues whose processes die or stop, anywhere.
#include <array>
#include <map>
#include <random>

#include "core/noted_claim.h"
#include "core/shared_parts.h"
#include "native/shared/processes.h"

namespace ringway::testing {
namespace {

using State = SharedQueueInfo::State;

// The host's accesses; the chosen one is not made: the process is killed before it.
struct KilledAt : HostAtomics<u64> {
  using Base = HostAtomics<u64>;
  static int& left() {
    static int accesses = 0;
    return accesses;
  }
  static void step() {
    if (left() > 0 && --left() == 0) raise(SIGKILL);
  }
  static u64 load_ready(Slot* s) {
    step();
    return Base::load_ready(s);
  }
  static void store_publish(Slot* s, u32 sequence, u32 size) {
    step();
    Base::store_publish(s, sequence, size);
  }
  static bool claim_index_before(Index* p, u64* expected, u64 desired) {
    step();
    return Base::claim_index_before(p, expected, desired);
  }
  static void store_index_before(Index* p, u64 v) {
    step();
    Base::store_index_before(p, v);
  }
  static u64 load_index_after(Index* p) {
    step();
    return Base::load_index_after(p);
  }
  static u64 load_index(Index* p) {
    step();
    return Base::load_index(p);
  }
  static void copy_in(Slot* slot, const u32* words, u32 bytes) {
    step();
    Base::copy_in(slot, words, bytes);
  }
};

// A member of the queue by hand, one access at a time.
struct Mortal {
  SharedParts parts;
  Members members;
  Ring<KilledAt> ring{};
  NoteLine* lines[2];
  u32 line[2];

  explicit Mortal(const std::string& name)
      : parts(attach_shared_parts(name)), members(parts.block(), parts.locks.get()) {
    const QueueRing& real = parts.queue.ring();
    ring.header = reinterpret_cast<QueueHeader<KilledAt>*>(real.header);
    ring.slots = real.slots;
    ring.capacity = real.capacity;
    ring.stride = real.stride;
    for (const Members::Side side : {Members::kSenders, Members::kReceivers}) {
      lines[side] = members.lines(side);
      line[side] = members.enter(side);
    }
  }
  static u32 whole(u64, u32 n) { return n; }
  // Two messages in one claim.
  void send(u64 number) {
    const auto claim =
        claim_noted(ring, &ring.header->enqueue, &lines[0][line[0]].word, 2, 0, &Mortal::whole);
    Producer<KilledAt, true> side;
    side.ring = ring;
    for (u32 i = 0; i < claim.count; ++i) {
      const u64 word = number + i;
      u32 words[2];
      std::memcpy(words, &word, sizeof(words));
      KilledAt::copy_in(ring.slot(claim.first + i), words, sizeof(words));
      side.publish(claim.first + i, sizeof(words), 0);
    }
    clear_note<KilledAt>(&lines[0][line[0]].word);
  }
  void receive() {
    const auto claim =
        claim_noted(ring, &ring.header->dequeue, &lines[1][line[1]].word, 2, 1, &Mortal::whole);
    Consumer<KilledAt, true> side;
    side.ring = ring;
    for (u32 i = 0; i < claim.count; ++i) side.release(claim.first + i);
    clear_note<KilledAt>(&lines[1][line[1]].word);
  }
};

// Calls the body with 1, 2, 3, ... for the access to die before, until it does not die of it any more.
template <class Body>
int at_each_access(Body body) {
  int access = 1;
  while (body(access)) ++access;
  return access - 1;
}

TEST(SharedCrash, ASenderKilledAtAnyAccessLosesOnlyWhatItHadNotPublished) {
  u64 skipped = 0;
  const int accesses = at_each_access([&](int access) {
    const Name name;
    auto queue = SharedQueue::create(options(name));
    send(*queue, 1);
    Child child([&] {
      Mortal sender(name);
      KilledAt::left() = access;
      sender.send(100);
    });
    const bool killed = child.was_killed();
    EXPECT_TRUE(send(*queue, 2));
    std::vector<std::int64_t> got;
    for (std::int64_t number = 0; number != 2;) {
      number = receive(*queue, 5);
      got.push_back(number);
      if (number < 0) break;
    }
    const u64 lost = queue->counts().skipped;
    EXPECT_LE(lost, 2U);
    const std::vector<std::vector<std::int64_t>> right = {{1, 2}, {1, 100, 2}, {1, 100, 101, 2}};
    EXPECT_NE(std::find(right.begin(), right.end(), got), right.end()) << "access " << access;
    // Claimed are none or both; what was claimed was published or skipped.
    const u64 claimed = got.size() - 2 + lost;
    EXPECT_TRUE(claimed == 0 || claimed == 2) << "access " << access;
    skipped += lost;
    EXPECT_EQ(queue->counts().depth, 0U);
    return killed;
  });
  EXPECT_GE(accesses, 9);
  EXPECT_GE(skipped, 3U);
}

TEST(SharedCrash, AReceiverKilledAtAnyAccessLosesNothing) {
  u64 redelivered = 0;
  const int accesses = at_each_access([&](int access) {
    const Name name;
    auto queue = SharedQueue::create(options(name));
    for (u64 i = 1; i <= 4; ++i) send(*queue, i);
    Child child([&] {
      Mortal receiver(name);
      KilledAt::left() = access;
      receiver.receive();
    });
    const bool killed = child.was_killed();
    std::vector<std::int64_t> got;
    for (std::int64_t number; (number = receive(*queue, 0.02)) >= 0;) got.push_back(number);
    std::sort(got.begin(), got.end());
    // Released by the dead one are none, the first, or both of those that it took.
    const std::vector<std::vector<std::int64_t>> right = {{1, 2, 3, 4}, {2, 3, 4}, {3, 4}};
    EXPECT_NE(std::find(right.begin(), right.end(), got), right.end()) << "access " << access;
    redelivered += queue->counts().redelivered;
    // The ring goes on, lap after lap.
    for (u64 i = 0; i < 40; ++i) {
      EXPECT_TRUE(send(*queue, i, 1));
      EXPECT_EQ(receive(*queue, 1), std::int64_t(i));
    }
    return killed;
  });
  EXPECT_GE(accesses, 7);
  EXPECT_GE(redelivered, 3U);
}

TEST(SharedCrash, WhatADeadReceiverTookFromAFullRingComesBack) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  for (u64 i = 0; i < 16; ++i) send(*queue, i);
  Child child([&] {
    auto own = SharedQueue::attach(name);
    if (own->try_peek(5).count != 5) _exit(2);
    raise(SIGKILL);
  });
  EXPECT_TRUE(child.was_killed());
  // The first eleven come in order; the others once nothing else can be had.
  std::vector<std::int64_t> got;
  for (std::int64_t number; (number = receive(*queue, 0.05)) >= 0;) got.push_back(number);
  const std::vector<std::int64_t> right = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4};
  EXPECT_EQ(got, right);
  EXPECT_EQ(queue->counts().redelivered, 5U);
}

TEST(SharedCrash, AnotherReceiverDiesWhileItHoldsWhatItAdopted) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  for (u64 i = 0; i < 4; ++i) send(*queue, i);
  for (int generation = 0; generation < 5; ++generation) {
    Child child([&] {
      auto own = SharedQueue::attach(name);
      SlotClaim held{};
      own->wait(NamedQueue::Side::kReceive, Wait::seconds(5),
                [&] { return (held = own->try_peek(4)).count != 0; });
      raise(SIGKILL);
    });
    EXPECT_TRUE(child.was_killed());
  }
  std::vector<std::int64_t> got;
  for (std::int64_t number; (number = receive(*queue, 0.05)) >= 0;) got.push_back(number);
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (std::vector<std::int64_t>{0, 1, 2, 3}));
}

TEST(SharedCrash, DeadReceiversNeverUseUpTheLines) {
  const Name name;
  auto queue = SharedQueue::create(options(name, 256));
  constexpr u64 kDead = 3 * kLinesPerSide;
  for (u64 i = 0; i < kDead; ++i) send(*queue, i);
  for (u64 i = 0; i < kDead; ++i) {
    Child child([&] {
      auto own = SharedQueue::attach(name);
      own->wait(NamedQueue::Side::kReceive, Wait::seconds(5), [&] { return own->try_peek(1).count != 0; });
      raise(SIGKILL);
    });
    ASSERT_TRUE(child.was_killed());
  }
  std::vector<bool> seen(kDead);
  u64 got = 0;
  for (std::int64_t number; (number = receive(*queue, 0.1)) >= 0; ++got) seen[std::size_t(number)] = true;
  EXPECT_EQ(got, kDead);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), std::ptrdiff_t(kDead));
}

TEST(SharedCrash, AStoppedSenderIsReportedAndNeverSkipped) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  Flag holds, go;
  Child child([&] {
    auto own = SharedQueue::attach(name);
    const SlotClaim held = own->try_reserve(1);
    holds.set();
    go.wait();
    const u64 number = 7;
    const u32 sizes[] = {sizeof(number)};
    std::memcpy(own->payload(held.first), &number, sizeof(number));
    own->publish(held, sizes, 1);
  });
  holds.wait();
  child.send(SIGSTOP);
  EXPECT_TRUE(send(*queue, 8));
  EXPECT_EQ(receive(*queue, 0.2), -1);
  EXPECT_TRUE(has(queue->held_up(), std::to_string(child.process()))) << queue->held_up();
  EXPECT_EQ(queue->counts().skipped, 0U);
  child.send(SIGCONT);
  go.set();
  EXPECT_EQ(receive(*queue), 7);
  EXPECT_EQ(receive(*queue), 8);
  EXPECT_TRUE(child.ended_well());
}

TEST(SharedCrash, AStoppedReceiverKeepsItsMessage) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  send(*queue, 7);
  Flag holds;
  Child child([&] {
    auto own = SharedQueue::attach(name);
    own->try_peek(1);
    holds.set();
    pause();
  });
  holds.wait();
  child.send(SIGSTOP);
  EXPECT_EQ(receive(*queue, 0.1), -1);
  child.send(SIGKILL);
  child.wait();
  EXPECT_EQ(receive(*queue), 7);
}

TEST(SharedCrash, AZombieIsDead) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  Child child([&] {
    auto own = SharedQueue::attach(name);
    own->try_reserve(2);
    raise(SIGKILL);
  });
  siginfo_t info;
  waitid(P_PID, id_t(child.process()), &info, WEXITED | WNOWAIT);  // it stays a zombie
  send(*queue, 1);
  EXPECT_EQ(receive(*queue), 1);
  EXPECT_EQ(queue->counts().skipped, 2U);
  EXPECT_TRUE(child.was_killed());
}

TEST(SharedCrash, AChildOfADeadProcessDoesNotKeepItAlive) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  Flag end;
  Child child([&] {
    auto own = SharedQueue::attach(name);
    own->try_reserve(1);
    if (fork() == 0) {
      end.wait();
      _exit(0);
    }
    raise(SIGKILL);
  });
  EXPECT_TRUE(child.was_killed());
  send(*queue, 1);
  EXPECT_EQ(receive(*queue), 1);
  end.set();
}

TEST(SharedCrash, AQueueOutlivesItsCreator) {
  const Name name;
  Child creator([&] {
    auto own = SharedQueue::create(options(name));
    send(*own, 1);
    raise(SIGKILL);
  });
  EXPECT_TRUE(creator.was_killed());
  EXPECT_EQ(inspect_shared_queue(name).state, State::kStale);
  EXPECT_EQ(inspect_shared_queue(name).depth, 1U);
  {
    auto queue = SharedQueue::attach(name);
    EXPECT_EQ(inspect_shared_queue(name).state, State::kLive);
    EXPECT_TRUE(has(error_of(ErrorKind::kInvalidState, [&] { remove_shared_queue(name); }), "in use"));
    EXPECT_TRUE(
        has(error_of(ErrorKind::kInvalidState, [&] { SharedQueue::create(options(name), true); }), "in use"));
    EXPECT_EQ(receive(*queue), 1);
  }
  EXPECT_TRUE(has(error_of(ErrorKind::kInvalidState, [&] { SharedQueue::create(options(name)); }), "clean"));
  auto again = SharedQueue::create(options(name, 32), true);
  EXPECT_EQ(again->queue().ring().capacity, 32U);
  again.reset();
  remove_shared_queue(name);
  error_of(ErrorKind::kNotFound, [&] { remove_shared_queue(name); });
}

TEST(SharedCrash, ACreatorThatDiedBeforeItsEndLeavesAnUnfinishedQueue) {
  const Name name;
  {
    const SharedMemory memory = SharedMemory::create(name, 4096);
  }
  EXPECT_EQ(inspect_shared_queue(name).state, State::kUnfinished);
  EXPECT_TRUE(has(error_of(ErrorKind::kLayout, [&] { SharedQueue::attach(name); }), "did not finish"));
  auto queue = SharedQueue::create(options(name), true);
  EXPECT_EQ(inspect_shared_queue(name).state, State::kLive);
}

TEST(SharedCrash, ListShowsWhoSendsAndReceives) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  Flag ready;
  Child child([&] {
    auto own = SharedQueue::attach(name);
    receive(*own);
    ready.set();
    pause();
  });
  send(*queue, 1);
  ready.wait();
  const auto all = list_shared_queues();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const SharedQueueInfo& info) { return info.name == name.text(); });
  ASSERT_NE(found, all.end());
  EXPECT_EQ(found->senders, std::vector<u32>{u32(getpid())});
  EXPECT_EQ(found->receivers, std::vector<u32>{u32(child.process())});
}

// Senders killed every few milliseconds at any point: nothing that was sent is lost, repeated or out of order.
TEST(SharedCrash, AStormOfKilledSenders) {
  const Name name;
  auto queue = SharedQueue::create(options(name));
  std::mt19937 random(7);
  std::vector<u32> next;
  std::vector<std::unique_ptr<Child>> senders;
  auto start = [&] {
    const u64 id = next.size();
    next.push_back(0);
    senders.push_back(std::make_unique<Child>([&, id] {
      auto own = SharedQueue::attach(name);
      for (u64 i = 0;; ++i) send(*own, id << 32 | i);
    }));
  };
  for (int i = 0; i < 3; ++i) start();
  u64 received = 0;
  const std::int64_t end = now_ns() + 1'500'000'000;
  for (std::int64_t kill_at = now_ns(); now_ns() < end;) {
    const std::int64_t number = receive(*queue, 2);
    ASSERT_GE(number, 0) << "the ring is stuck";
    const u64 id = u64(number) >> 32;
    ASSERT_LT(id, next.size());
    ASSERT_EQ(u32(number), next[id]++);
    ++received;
    if (now_ns() < kill_at) continue;
    kill_at = now_ns() + 2'000'000 + std::int64_t(random() % 4'000'000);
    senders.erase(senders.begin() + std::ptrdiff_t(random() % senders.size()));
    start();
  }
  senders.clear();
  for (std::int64_t number; (number = receive(*queue, 0.05)) >= 0;) {
    ASSERT_EQ(u32(number), next[u64(number) >> 32]++);
  }
  EXPECT_GT(received, 0U);
  EXPECT_GT(next.size(), 5U);
  RecordProperty("killed", int(next.size()));
  RecordProperty("skipped", int(queue->counts().skipped));
}

// Receivers killed likewise: every message comes to one that lives, or was given to one that died with it.
TEST(SharedCrash, AStormOfKilledReceivers) {
  const Name name, results;
  auto queue = SharedQueue::create(options(name, 64));
  auto done = SharedQueue::create(options(results, 1U << 12));
  std::mt19937 random(11);
  std::vector<std::unique_ptr<Child>> receivers;
  auto start = [&] {
    receivers.push_back(std::make_unique<Child>([&] {
      auto own = SharedQueue::attach(name), out = SharedQueue::attach(results);
      for (;;) {
        SlotClaim held{};
        if (!own->wait(NamedQueue::Side::kReceive, Wait::seconds(5),
                       [&] { return (held = own->try_peek(3)).count != 0; }))
          continue;
        for (u32 i = 0; i < held.count; ++i) {
          u64 number;
          std::memcpy(&number, own->payload(held.first + i), sizeof(number));
          send(*out, number);
        }
        own->release(held);
      }
    }));
  };
  for (int i = 0; i < 3; ++i) start();
  int killed = 0;
  std::vector<u32> seen;
  u64 missing = 0;
  auto gather = [&](double seconds) {
    const std::int64_t number = receive(*done, seconds);
    if (number >= 0) missing -= seen[std::size_t(number)]++ == 0;
    return number >= 0;
  };
  const std::int64_t end = now_ns() + 1'000'000'000;
  for (std::int64_t kill_at = now_ns(); now_ns() < end;) {
    // The receivers may wait for room among the results, which who waits for room here does not take.
    const u64 number = seen.size();
    seen.push_back(0);
    ++missing;
    while (queue->try_send({{&number, sizeof(number)}}) == NamedQueue::Offer::kFull) gather(0.01);
    while (gather(0)) {
    }
    if (now_ns() < kill_at) continue;
    kill_at = now_ns() + 2'000'000 + std::int64_t(random() % 4'000'000);
    receivers.erase(receivers.begin() + std::ptrdiff_t(random() % receivers.size()));
    ++killed;
    start();
  }
  while (missing) ASSERT_TRUE(gather(5)) << missing << " of " << seen.size() << " messages are missing";
  EXPECT_GT(killed, 5);
  RecordProperty("killed", killed);
  RecordProperty("redelivered", int(queue->counts().redelivered));
}

}  // namespace
}  // namespace ringway::testing
