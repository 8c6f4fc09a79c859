// core/wait.h and wait.cpp, as they are, under the model checker: their words become Relacy's objects, and what the runtime
// does to them scheduling points. A waiter that sleeps while nobody will wake it stays asleep, which Relacy reports.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "native/queue/relacy.h"
#include "ringway/atomics_runtime.h"

namespace ringway {

// Weakens one order at a time, to show that the check would see it.
enum class Weak { kNothing, kNotifiersAdd, kWaitersAdd };
inline Weak weak = Weak::kNothing;

// A word in memory, and, as the code's own variables are of the same type, a value.
struct CheckedWord {
  mutable rl::atomic<u32> word;
  CheckedWord(u32 value = 0) { word.store(value, rl::mo_relaxed, $); }
  CheckedWord(const CheckedWord& other) : CheckedWord(u32(other)) {}
  operator u32() const { return word.load(rl::mo_relaxed, $); }
};

namespace atomic {

inline u32 load_relaxed(const CheckedWord* p) {
  return p->word.load(rl::mo_relaxed, $);
}
// SYNC: the partner of each access below is named where it is called.
inline u32 load_seq_cst(const CheckedWord* p) {
  return p->word.load(rl::mo_seq_cst, $);
}
// SYNC: as above. Thread 0 notifies, and adds to the epoch; thread 1 waits, and adds to the waiters.
inline u32 add_seq_cst(CheckedWord* p, u32 v) {
  const bool notifier = rl::thread_index() == 0;
  const bool relaxed = weak == (notifier ? Weak::kNotifiersAdd : Weak::kWaitersAdd);
  return p->word.fetch_add(v, relaxed ? rl::mo_relaxed : rl::mo_seq_cst, $);
}
// SYNC: as above.
inline u32 sub_seq_cst(CheckedWord* p, u32 v) {
  return p->word.fetch_sub(v, rl::mo_seq_cst, $);
}

}  // namespace atomic
}  // namespace ringway

#define u32 CheckedWord
#include "core/wait.cpp"
#undef u32

namespace ringway {

// The system's: it looks at the word and goes to sleep in one step, against which a wake-up is before or after.
static rl::atomic<u32>* woken;
void park(const CheckedWord* word, CheckedWord expected, std::int64_t) {
  const u32 before = woken->load(rl::mo_seq_cst, $);
  if (word->word.load(rl::mo_seq_cst, $) != u32(expected)) return;
  while (woken->load(rl::mo_seq_cst, $) == before) rl::yield(1, $);
}
std::int64_t coarse_now_ns() {  // no wait here has an end
  return 0;
}
void unpark_all(const CheckedWord*) {
  woken->fetch_add(1, rl::mo_seq_cst, $);
}

namespace testing {
namespace {

struct SleeperIsSeenOrSees : rl::test_suite<SleeperIsSeenOrSees, 2> {
  Signal signal;
  rl::atomic<u32> message, wakes;

  void before() {
    message.store(0, rl::mo_relaxed, $);
    wakes.store(0, rl::mo_relaxed, $);
    woken = &wakes;
  }
  void thread(unsigned index) {
    if (index == 0) {
      message.store(1, rl::mo_release, $);
      signal.notify();
    } else {
      RL_ASSERT(signal.wait({}, [&] { return message.load(rl::mo_acquire, $) != 0; }));
    }
  }
};

}  // namespace
}  // namespace testing
}  // namespace ringway

int main() {
  using namespace ringway;
  using namespace ringway::testing;
  const Search random{rl::sched_random, 0, 20000};
  check<SleeperIsSeenOrSees>("a sleeper is seen or sees", "core/wait", random);
  check<SleeperIsSeenOrSees>("a sleeper is seen or sees", "core/wait", {rl::sched_bound, 3, 0});
  const int held = failures();
  for (const Weak left_out : {Weak::kNotifiersAdd, Weak::kWaitersAdd}) {
    weak = left_out;
    check<SleeperIsSeenOrSees>("one order left out: must fail", "core/wait", random);
  }
  return held != 0 || failures() != held + 2;
}
