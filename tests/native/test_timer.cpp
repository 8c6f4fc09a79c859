// When ticks are due, by a clock that the test sets.
#include <gtest/gtest.h>

#include "backends/cpu/timer.h"

namespace ringway::cpu {
namespace {

TEST(Timer, ComesAtWholePeriodsFromItsStart) {
  Timer timer{100};
  EXPECT_EQ(timer.due, Timer::kNever);
  timer.start(1000);
  for (std::int64_t tick = 1; tick <= 50; ++tick) {
    EXPECT_EQ(timer.due, 1000 + 100 * tick);
    EXPECT_EQ(timer.take(timer.due + tick), 0U);  // ever later, and yet no drift
  }
}

TEST(Timer, LeavesOutWhatCameDueMeanwhile) {
  Timer timer{100};
  timer.start(0);
  EXPECT_EQ(timer.take(100), 0U);
  EXPECT_EQ(timer.take(1099), 8U);  // due at 200; 300 to 1000 are left out
  EXPECT_EQ(timer.due, 1100);
  EXPECT_EQ(timer.take(1200), 1U);  // at the very moment when the next but one is due
  EXPECT_EQ(timer.due, 1300);
}

TEST(Timer, SaysWhenTheNextButOneIsDue) {
  Timer timer{7};
  timer.start(3);
  for (std::int64_t now = timer.due; now < 500; now += 5) {
    const std::int64_t next = timer.next(now);
    EXPECT_GT(next, now);
    EXPECT_LE(next, now + 7);
    timer.take(now);
    EXPECT_EQ(timer.due, next);
    while (now + 5 < next) now += 5;
  }
}

TEST(Timer, BeginsAnew) {
  Timer timer{100};
  timer.start(0);
  timer.take(950);
  timer.start(970);
  EXPECT_EQ(timer.due, 1070);
}

}  // namespace
}  // namespace ringway::cpu
