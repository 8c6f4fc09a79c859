// Threads of a group on fibers: barriers, divergence, reuse.
#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "backends/cpu/group.h"

namespace ringway::cpu {
namespace {

using Thread = std::function<void(u32)>;

bool run(GroupRunner& runner, u32 threads, Thread thread) {
  return runner.run(threads, [](void* body, u32 number) { (*static_cast<Thread*>(body))(number); }, &thread);
}

TEST(Group, EveryThreadRunsOnceInOrderWithoutBarriers) {
  GroupRunner runner;
  for (const u32 threads : {1U, 2U, 7U, 256U, 1024U}) {
    std::vector<u32> order;
    EXPECT_TRUE(run(runner, threads, [&](u32 thread) { order.push_back(thread); }));
    std::vector<u32> wanted(threads);
    std::iota(wanted.begin(), wanted.end(), 0U);
    EXPECT_EQ(order, wanted);
  }
}

TEST(Group, NobodyPassesABarrierBeforeAllHaveCome) {
  GroupRunner runner;
  for (const u32 threads : {1U, 2U, 3U, 64U, 1000U}) {
    u32 come = 0;
    u32 wrong = 0;
    EXPECT_TRUE(run(runner, threads, [&](u32) {
      for (u32 round = 1; round <= 5; ++round) {
        ++come;
        runner.barrier(1);
        if (come != round * threads) ++wrong;
        runner.barrier(2);
      }
    }));
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(come, 5 * threads);
  }
}

TEST(Group, WhatLivesOnAStackOutlivesABarrier) {
  GroupRunner runner;
  std::vector<double> sums(100);
  EXPECT_TRUE(run(runner, 100, [&](u32 thread) {
    double numbers[64];
    for (u32 i = 0; i < 64; ++i) numbers[i] = thread + 0.5 * i;
    runner.barrier(1);
    for (const double number : numbers) sums[thread] += number;
  }));
  for (u32 thread = 0; thread < 100; ++thread) EXPECT_EQ(sums[thread], 64.0 * thread + 0.5 * 2016);
}

TEST(Group, AThreadThatEndsWhileOthersWaitIsFoundOut) {
  GroupRunner runner;
  for (const u32 missing : {0U, 3U, 7U}) {
    EXPECT_FALSE(run(runner, 8, [&](u32 thread) {
      runner.barrier(10);
      if (thread != missing) runner.barrier(20);
    }));
    const std::string waits = missing == 0 ? "thread 1" : "thread 0";
    EXPECT_EQ(
        runner.failure(),
        waits + " waits at the barrier in line 20, which only 7 of 8 threads reached; the others have ended");
  }
  // In the first stretch a fiber that is done takes the next thread.
  EXPECT_FALSE(run(runner, 8, [&](u32 thread) {
    if (thread % 2) runner.barrier(30);
  }));
  EXPECT_EQ(
      runner.failure(),
      "thread 1 waits at the barrier in line 30, which only 4 of 8 threads reached; the others have ended");
}

TEST(Group, ThreadsAtDifferentBarriersAreFoundOut) {
  GroupRunner runner;
  EXPECT_FALSE(run(runner, 4, [&](u32 thread) { thread == 2 ? runner.barrier(5) : runner.barrier(6); }));
  EXPECT_EQ(runner.failure(), "thread 0 waits at the barrier in line 6, thread 2 at the one in line 5");
}

TEST(Group, AFailedGroupUnwindsItsThreadsAndLeavesARunnerThatWorks) {
  GroupRunner runner;
  struct Counted {
    explicit Counted(u32* held) : alive(held) { ++*alive; }
    ~Counted() { --*alive; }
    u32* alive;
  };
  u32 alive = 0;
  for (u32 round = 0; round < 20; ++round) {
    EXPECT_FALSE(run(runner, 64, [&](u32 thread) {
      const Counted counted(&alive);
      if (thread != round) runner.barrier(1);
    }));
    EXPECT_EQ(alive, 0U);
    u32 passed = 0;
    EXPECT_TRUE(run(runner, 64, [&](u32) {
      runner.barrier(1);
      ++passed;
    }));
    EXPECT_EQ(passed, 64U);
  }
}

TEST(Group, ARunnerGoesFromThreadToThread) {
  GroupRunner runner;
  u32 passed = 0;
  for (u32 round = 0; round < 8; ++round) {
    std::thread([&] {
      EXPECT_TRUE(run(runner, 16, [&](u32) {
        runner.barrier(1);
        ++passed;
      }));
    }).join();
  }
  EXPECT_EQ(passed, 128U);
}

}  // namespace
}  // namespace ringway::cpu
