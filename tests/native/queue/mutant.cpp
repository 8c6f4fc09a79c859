// The few model checks that between them catch every planted mutation (tests/native/mutate_queue).
#include "native/queue/abandoned.h"
#include "native/queue/checked.h"
#include "native/queue/relacy.h"
#include "native/queue/sealed.h"

int main() {
  using namespace ringway::testing;
  using ringway::u32;
  using ringway::u64;
  const Search random{rl::sched_random, 0, 3000};
  check<Transfer<u64, false, true, 2, 2, 2, 3, 1, true, true>>("2P2C in place", "orders", random);
  check<Transfer<u64, true, true, 1, 1, 4, 8, 3, false, false, Way::kCopy>>("1P1C copied batches", "fences",
                                                                            random);
  check<Transfer<u32, true, false, 1, 1, 2, 6, 1, false, false, Way::kCopy>>("1P1C copies", "fences, 2 words",
                                                                             random);
  check<Dropping<u64, true, true, 1, 2, 5, true, Way::kCopy>>("drop oldest", "fences", random);
  check<Calls<true, false, 4>>("call cell", "fences, 2 words", random);
  check<Sealed<Unordered, 1, 1, 4, false, false>>("sealed, 1P1C", "no order", random);
  check<Abandoned<2, 2, 1, 0, 2, 1>>("2P, one dies, 2C", "", random);
  check<Abandoned<1, 2, 0, 1, 4, 1>>("1P, 2C, one dies", "", random);
  check<Abandoned<1, 3, 0, 2, 3, 2>>("1P, 3C in batches, two die", "", random);
  return failures() != 0;
}
