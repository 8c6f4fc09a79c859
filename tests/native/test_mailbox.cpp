// Lanes, deduplication and dead letters: their parts against simple models, and senders against a running kernel.
#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <thread>

#include "core/dedup.h"
#include "runtime_harness.h"

namespace ringway::test {
namespace {

class Windows : public testing::TestWithParam<u32> {};
INSTANTIATE_TEST_SUITE_P(Sizes, Windows, testing::Values(16U, 17U, 100U, 1024U));

TEST_P(Windows, RemembersExactlyTheLastIds) {
  const u32 window = GetParam();
  DedupWindow dedup(window);
  std::deque<DedupWindow::Id> last;  // a removed one keeps its place, as nil
  std::mt19937 random(window);
  for (u32 step = 0; step < 20'000; ++step) {
    const DedupWindow::Id id{u32(random()) % (window * 3 / 2) + 1, 0, 0, 7};
    const auto found = std::find(last.begin(), last.end(), id);
    if (random() % 8 == 0) {
      dedup.remove(id);
      if (found != last.end()) *found = {};
      continue;
    }
    ASSERT_EQ(dedup.add(id), found == last.end()) << "seed " << window << ", step " << step;
    if (found != last.end()) continue;
    last.push_back(id);
    if (last.size() > window) last.pop_front();
  }
}

TEST(Window, NilIsNoId) {
  DedupWindow dedup(16);
  EXPECT_TRUE(dedup.add({}));
  EXPECT_TRUE(dedup.add({}));
  DedupWindow off(0);
  EXPECT_TRUE(off.add({1, 2, 3, 4}));
  EXPECT_TRUE(off.add({1, 2, 3, 4}));
}

// Lanes with endless messages: the longest that one waits is what lane_turns.h says.
TEST(Turns, NoLaneWaitsForMoreThanTheOthersWeights) {
  LaneTurns turns{};
  using Counts = std::array<u32, Mailbox::kLanes>;
  Counts waited{};
  Counts longest{};
  Counts served{};
  for (u32 i = 0; i < 85 * 100; ++i) {
    const u32 lane = turns.at;
    ++served[lane];
    for (u32 other = 0; other < Mailbox::kLanes; ++other) {
      waited[other] = other == lane ? 0 : waited[other] + 1;
      longest[other] = std::max(longest[other], waited[other]);
    }
    turns = lane_took(turns, 1);
  }
  EXPECT_EQ(served, (Counts{6400, 1600, 400, 100}));
  EXPECT_EQ(longest, (Counts{21, 69, 81, 84}));
}

// Stops at a gate with a message in its hands, checks that nobody changes it, then counts it.
struct Gated {
  struct State {
    u64 unused;
  };
  static inline u32 holding = 0;
  static inline u32 open = 0;
  static inline u32 torn = 0;
  static inline u32 reordered = 0;
  static inline u64 next[4][4] = {};  // by lane and sender

  static void reset() {
    atomic::store_relaxed(&holding, 0U);
    atomic::store_relaxed(&open, 0U);
    torn = reordered = 0;
    for (auto& lane : next) std::fill(std::begin(lane), std::end(lane), 0);
  }
  template <class Ctx>
  static u32 drain(Ctx*, u8* first, u32 stride, u32 n, State*, DrainStatus*) {
    for (u32 i = 0; i < n; ++i) {
      u64 before[8];
      std::memcpy(before, body(first + u64(stride) * i), sizeof(before));
      if (!atomic::load_relaxed(&open)) {
        atomic::store_relaxed(&holding, 1U);
        // SYNC: none needed: a gate, nothing is passed through it.
        while (!atomic::load_relaxed(&open)) std::this_thread::yield();
      }
      u64 after[8];
      std::memcpy(after, body(first + u64(stride) * i), sizeof(after));
      torn += std::memcmp(before, after, sizeof(before)) != 0;
      for (u32 word = 1; word < 8; ++word) torn += after[word] != after[0];
      u64& expected = next[after[0] >> 56][after[0] >> 48 & 255];
      const u64 number = after[0] & 0xffffffffffff;
      reordered += number < expected;
      expected = number + 1;
    }
    return n;
  }
};

class Gates : public testing::Test {
 protected:
  void SetUp() override {
    cpu::add_entry(cpu::kernel_of<Gated>({.name = "gated", .accepts = {}, .emits = {}, .errors = {}}));
    Gated::reset();
  }
  void TearDown() override { runtime->close(); }
  static bool put(Kernel& kernel, u64 lane, u64 sender, u64 number) {
    u64 words[8];
    std::fill(std::begin(words), std::end(words), lane << 56 | sender << 48 | number);
    Envelope envelope = plain();
    envelope.priority = u8(lane * 64);
    return kernel.send(envelope, {reinterpret_cast<const u8*>(words), sizeof(words)}, "");
  }
  std::shared_ptr<Runtime> runtime = start(2, false);
};

TEST_F(Gates, TheOldestIsNotDroppedWhileItIsRead) {
  LaunchOptions options;
  options.capacity = 16;
  options.policy = Backpressure::kDropOldest;
  options.batch = 1;
  auto kernel = runtime->launch("gated", "", options);
  kernel->activate();
  put(*kernel, 0, 0, 0);
  while (!atomic::load_relaxed(&Gated::holding)) std::this_thread::yield();
  for (u64 number = 1; number < 16; ++number) EXPECT_TRUE(put(*kernel, 0, 0, number));
  // The oldest lies in the handler's hands: only the new message can go.
  EXPECT_FALSE(put(*kernel, 0, 0, 16));
  EXPECT_EQ(kernel->telemetry().mailbox.dropped_new, 1U);
  EXPECT_EQ(kernel->telemetry().mailbox.dropped_oldest, 0U);
  atomic::store_relaxed(&Gated::open, 1U);
  // The end of the kernel orders what its handler wrote before what is read here; its counters do not.
  EXPECT_EQ(kernel->terminate(true, Wait::seconds(20)).processed, 16U);
  EXPECT_EQ(Gated::torn, 0U);
  EXPECT_EQ(kernel->dead_letters().list(false).size(), 1U);
}

// Bound, lanes and policy together under load: whatever is sent is handled or dropped, in order within sender and lane.
TEST_F(Gates, EverythingSentIsHandledOrDropped) {
  constexpr u64 kSenders = 3;
  constexpr u64 kEach = 20'000;
  for (const Backpressure policy :
       {Backpressure::kDropOldest, Backpressure::kDropNew, Backpressure::kBlock}) {
    Gated::reset();
    atomic::store_relaxed(&Gated::open, 1U);
    LaunchOptions options;
    options.capacity = 16;
    options.policy = policy;
    options.lanes = true;
    options.dedup = 64;
    auto kernel = runtime->launch("gated", "", options);
    kernel->activate();
    u64 refused = 0;
    std::vector<std::thread> senders;
    for (u64 sender = 0; sender < kSenders; ++sender) {
      senders.emplace_back([&, sender] {
        for (u64 number = 0; number < kEach; ++number) {
          if (!put(*kernel, number % 4, sender, number)) atomic::add_relaxed(&refused, u64(1));
        }
      });
    }
    for (auto& sender : senders) sender.join();
    const auto report = kernel->terminate(true, Wait::seconds(20));
    const Telemetry end = kernel->telemetry();
    EXPECT_EQ(report.processed + end.mailbox.dropped_oldest + refused, kSenders * kEach);
    EXPECT_EQ(end.mailbox.dropped_new, refused);
    if (policy == Backpressure::kBlock) {
      EXPECT_EQ(report.processed, kSenders * kEach);
    }
    EXPECT_EQ(end.letters_lost + kernel->dead_letters().list(false).size(),
              end.mailbox.dropped_oldest + end.mailbox.dropped_new);
    EXPECT_EQ(Gated::torn, 0U);
    EXPECT_EQ(Gated::reordered, 0U);
  }
}

TEST(Letters, TakeNoMemoryBeforeTheFirst) {
  DeadLetters letters(4);
  EXPECT_TRUE(letters.list(false).empty());
  EXPECT_LE(sizeof(letters), 128U);
  for (u8 number = 0; number < 6; ++number) {
    letters.add(LetterReason::kFailed, nullptr, {&number, 1}, "no luck");
  }
  const auto kept = letters.list(true);
  ASSERT_EQ(kept.size(), 4U);
  EXPECT_EQ(kept.front()->body, std::vector<u8>{2});
  EXPECT_EQ(letters.lost(), 2U);
  EXPECT_FALSE(letters.remove(kept.front().get()));
  EXPECT_TRUE(letters.list(false).empty());
}

}  // namespace
}  // namespace ringway::test
