// How threads park, and the signal above it. Built twice: over what the system offers, and over the portable table of
// condition variables, which other systems use.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/cores.h"
#include "core/wait.h"

namespace ringway::test {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLong = 20'000 * kMillisecond;

TEST(Wait, ParkReturnsAtOnceWhenTheWordIsAnother) {
  const u32 word = 1;
  const auto start = now_ns();
  park(&word, 0, kLong);
  EXPECT_LT(now_ns() - start, kLong / 2);
}

TEST(Wait, ParkEndsAfterItsTime) {
  const u32 word = 0;
  const auto start = now_ns();
  // It may wake early for no reason.
  while (now_ns() - start < 20 * kMillisecond) park(&word, 0, 20 * kMillisecond - (now_ns() - start));
  park(&word, 0, 0);
  park(&word, 0, -1);
  EXPECT_LT(now_ns() - start, kLong / 2);
}

TEST(Wait, UnparkWakesTheThread) {
  u32 word = 0;
  std::thread sleeper([&] {
    while (!atomic::load_seq_cst(&word)) park(&word, 0, kLong);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto start = now_ns();
  atomic::exchange_seq_cst(&word, 1U);
  unpark_one(&word);
  sleeper.join();
  EXPECT_LT(now_ns() - start, kLong / 2);
}

// Two threads hand a word to and fro; a wake that is lost costs `kLong`.
TEST(Wait, NoWakeIsLost) {
  u32 word = 0;
  constexpr u32 kTurns = 20'000;
  const auto start = now_ns();
  const auto play = [&word](u32 mine) {
    for (u32 turn = mine; turn < kTurns; turn += 2) {
      while (atomic::load_seq_cst(&word) != turn) park(&word, turn - 1, kLong);
      atomic::exchange_seq_cst(&word, turn + 1);
      unpark_one(&word);
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(word, kTurns);
  EXPECT_LT(now_ns() - start, kLong);
}

// More words than the table has places: sleepers of other words must not be forgotten.
TEST(Wait, WordsThatShareAPlaceAreToldApart) {
  constexpr std::size_t kWords = 200;
  std::vector<u32> words(kWords, 0);
  std::vector<std::thread> sleepers;
  for (u32& word : words) {
    sleepers.emplace_back([&word] {
      while (!atomic::load_seq_cst(&word)) park(&word, 0, kLong);
    });
  }
  const auto start = now_ns();
  for (u32& word : words) {
    atomic::exchange_seq_cst(&word, 1U);
    unpark_all(&word);
  }
  for (auto& sleeper : sleepers) sleeper.join();
  EXPECT_LT(now_ns() - start, kLong / 2);
}

TEST(Wait, SignalWakesEveryWaiterAndEndsAtTheDeadline) {
  Signal signal;
  u32 ready = 0;
  std::vector<std::thread> waiters;
  u32 woken = 0;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&] {
      const bool done = signal.wait(Wait::seconds(20), [&] { return atomic::load_seq_cst(&ready) != 0; });
      if (done) atomic::add_relaxed(&woken, 1U);
    });
  }
  atomic::exchange_seq_cst(&ready, 1U);
  signal.notify();
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(woken, 4U);
  EXPECT_FALSE(signal.wait(Wait::seconds(0.01), [] { return false; }));
}

TEST(Cores, AtLeastOne) {
  EXPECT_GE(usable_cores(), 1U);
}

}  // namespace
}  // namespace ringway::test
