// Recovery of what dead processes had claimed, under a model checker: every schedule tried must hold.
//   usage: test_abandoned [random schedules of each]      RINGWAY_FULL=1: more of them
#include <cstdlib>
#include <cstring>

#include "native/queue/abandoned.h"
#include "native/queue/relacy.h"

int main(int argc, char** argv) {
  using namespace ringway::testing;
  const char* full = std::getenv("RINGWAY_FULL");
  const bool deep = full && std::strcmp(full, "1") == 0;
  const unsigned long schedules = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : deep ? 200000 : 10000;
  const Search random{rl::sched_random, 0, schedules};
  check<Abandoned<1, 1, 1, 0, 3, 1>>("1P dies, 1C", "", random);
  check<Abandoned<2, 1, 1, 0, 3, 1>>("2P, one dies, 1C", "", random);
  check<Abandoned<2, 1, 2, 0, 2, 2>>("2P, both die in batches, 1C", "", random);
  check<Abandoned<2, 2, 1, 0, 2, 1>>("2P, one dies, 2C", "", random);
  check<Abandoned<1, 2, 0, 1, 4, 1>>("1P, 2C, one dies", "", random);
  check<Abandoned<1, 2, 0, 1, 4, 2>>("1P, 2C in batches, one dies", "", random);
  check<Abandoned<1, 3, 0, 2, 3, 2>>("1P, 3C in batches, two die", "", random);
  check<Abandoned<2, 2, 1, 1, 2, 1>>("2P, 2C, one of each dies", "", random);
  return failures() != 0;
}
