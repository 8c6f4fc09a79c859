// The queue and the call cell under a model checker: every schedule tried must hold.
//   usage: test_checked [random schedules of each]      RINGWAY_FULL=1: more of them, and wider bounds
// No search here is exhaustive: the smallest of these transfers, two messages through two slots, does not end within
// minutes, and neither do two calls through a call cell. Exhaustive are those of tests/litmus/test_litmus_checked.cpp: a
// publication, a reuse, a claim, one call. A bounded search is exhaustive up to that number of context switches; a random
// one tries as many schedules as said. Each line of the output says which it was, how many schedules it tried and how long
// that took. The bounds are the largest that take seconds: all of RINGWAY_FULL=1 takes two to three minutes of one core.
// Four forms of the same algorithm: order in the access, one header word and 64-bit tickets (host, CUDA); the same by
// fences (CUDA); fences, two header words and 32-bit tickets (Metal 3.2); and those without any order inside a dispatch
// (Metal before 3.2), where only what an earlier dispatch did may be touched.
#include <cstdlib>
#include <cstring>

#include "native/queue/checked.h"
#include "native/queue/relacy.h"
#include "native/queue/sealed.h"

namespace ringway::testing {
namespace {

template <class T, bool F, bool W>
void all(const char* form, unsigned long n, bool deep) {
  const Search random{rl::sched_random, 0, n};
  const auto bounded = [](unsigned bound) { return Search{rl::sched_bound, bound, 0}; };
  const Way copy = Way::kCopy;
  if (deep)
    check<Transfer<T, F, W, 1, 1, 2, 2, 1, false, false>>("1P1C in place, 2 slots, 2 msg", form, bounded(6));
  check<Transfer<T, F, W, 1, 1, 2, 3, 1, false, false>>("1P1C in place, 2 slots, 3 msg", form,
                                                        bounded(deep ? 4 : 2));
  check<Transfer<T, F, W, 1, 1, 2, 3, 1, false, false, copy>>("1P1C copies, 2 slots, 3 msg", form,
                                                              bounded(deep ? 4 : 2));
  check<Transfer<T, F, W, 1, 1, 2, 6, 1, false, false>>("1P1C in place, 2 slots, 6 msg", form, random);
  check<Transfer<T, F, W, 1, 1, 4, 8, 3, false, false>>("1P1C batches of 3, 4 slots", form, random);
  check<Transfer<T, F, W, 1, 1, 4, 8, 3, false, false, copy>>("1P1C copied batches, 4 slots", form, random);
  if (deep && !F)
    check<Transfer<T, F, W, 2, 1, 2, 2, 1, true, false>>("2P1C in place, 2 slots", form, bounded(1));
  check<Transfer<T, F, W, 2, 1, 2, 3, 1, true, false>>("2P1C in place, 2 slots", form, random);
  check<Transfer<T, F, W, 2, 1, 4, 4, 2, true, false, copy>>("2P1C copied batches, 4 slots", form, random);
  check<Transfer<T, F, W, 1, 2, 2, 4, 1, false, true>>("1P2C in place, 2 slots", form, random);
  check<Transfer<T, F, W, 1, 2, 2, 3, 1, false, true, copy>>("1P2C copies, 2 slots", form, random);
  check<Transfer<T, F, W, 2, 2, 2, 2, 1, true, true>>("2P2C in place, 2 slots", form, random);
  check<Transfer<T, F, W, 2, 2, 4, 4, 3, true, true>>("2P2C batches of 3, 4 slots", form, random);
  check<Transfer<T, F, W, 2, 1, 2, 3, 1, true, true, copy>>("2P1C shared index, copies", form, random);
  if (deep && !F)
    check<Dropping<T, F, W, 1, 2, 4, true, Way::kInPlace>>("drop oldest, reader in place", form, bounded(2));
  check<Dropping<T, F, W, 1, 2, 5, true, Way::kInPlace>>("drop oldest, reader in place", form, random);
  check<Dropping<T, F, W, 1, 2, 5, true, copy>>("drop oldest, reader copies", form, random);
  check<Dropping<T, F, W, 2, 2, 3, true, copy>>("drop oldest, 2P1C", form, random);
  check<Dropping<T, F, W, 2, 2, 3, false, copy>>("drop new, 2P1C", form, random);
  check<Calls<F, W, 3>>("call cell, 3 calls", form, bounded(deep ? 5 : 2));
  check<Calls<F, W, 5>>("call cell, 5 calls", form, random);
}

void sealed(unsigned long n, bool deep) {
  const Search random{rl::sched_random, 0, n}, bounded{rl::sched_bound, deep ? 3U : 1U, 0};
  check<Sealed<Unordered, 1, 1, 2, false, false>>("sealed, 1P1C", "no order", bounded);
  check<Sealed<Unordered, 1, 1, 4, false, false>>("sealed, 1P1C", "no order", random);
  check<Sealed<Unordered, 2, 1, 4, true, false>>("sealed, 2P1C", "no order", random);
  check<Sealed<Unordered, 1, 2, 4, false, true>>("sealed, 1P2C", "no order", random);
  check<Sealed<Unordered, 2, 2, 4, true, true>>("sealed, 2P2C", "no order", random);
  // That the suite can see the difference: the same policy, said to have the order that it lacks.
  const int held = failures();
  check<Sealed<SaidToBeOrdered, 1, 1, 4, false, false>>("the same unsealed: must fail", "no order", random);
  failures() = failures() == held + 1 ? held : held + 1;
}

}  // namespace
}  // namespace ringway::testing

int main(int argc, char** argv) {
  const char* full = std::getenv("RINGWAY_FULL");
  const bool deep = full && std::strcmp(full, "1") == 0;
  const unsigned long schedules = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : deep ? 200000 : 4000;
  using namespace ringway::testing;
  using ringway::u32;
  using ringway::u64;
  all<u64, false, true>("orders, 64 bits", schedules, deep);
  all<u64, true, true>("fences, 64 bits", schedules, deep);
  all<u32, true, false>("fences, 2 words", schedules, deep);
  sealed(schedules, deep);
  return failures() != 0;
}
