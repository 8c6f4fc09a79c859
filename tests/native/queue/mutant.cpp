// The few model checks that between them catch every planted mutation (tests/native/mutate_queue).
#include "native/queue/abandoned.h"
#include "native/queue/checked.h"
#include "native/queue/relacy.h"

int main() {
  using namespace ringway::testing;
  const Search random{rl::sched_random, 0, 3000};
  check<Transfer<false, true, 2, 2, 2, 3, 1, true, true>>("2P2C in place", "orders", random);
  check<Transfer<true, true, 1, 1, 4, 8, 3, false, false, Way::kCopy>>("1P1C copied batches", "fences",
                                                                       random);
  check<Transfer<true, false, 1, 1, 2, 6, 1, false, false, Way::kCopy>>("1P1C copies", "fences, 2 words",
                                                                        random);
  check<Dropping<true, true, 1, 2, 5, true, Way::kCopy>>("drop oldest", "fences", random);
  check<Calls<true, false, 4>>("call cell", "fences, 2 words", random);
  check<Abandoned<2, 2, 1, 0, 2, 1>>("2P, one dies, 2C", "", random);
  check<Abandoned<1, 2, 0, 1, 4, 1>>("1P, 2C, one dies", "", random);
  check<Abandoned<1, 3, 0, 2, 3, 2>>("1P, 3C in batches, two die", "", random);
  return failures() != 0;
}
