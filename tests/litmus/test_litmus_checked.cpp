// The litmus tests under the model checker, exhaustively: every interleaving and every value that the memory model lets
// a load return. An outcome marked FORBIDDEN fails its suite.
#include "native/queue/checked.h"
#include "native/queue/relacy.h"

namespace ringway::testing {
namespace {

template <bool Fences, bool Packed>
struct Publication : rl::test_suite<Publication<Fences, Packed>, 2> {
  using A = CheckedAtomics<u32, Fences, Packed>;
  typename A::Slot slot;

  void before() { A::store_slot(&slot, 0, 0); }
  void thread(unsigned index) {
    const u32 words[2] = {1, 1};
    if (index == 0) {
      A::copy_in(&slot, words, 8);
      A::prepare(&slot, 8);
      A::before_publish();
      A::store_publish(&slot, 1, 8);
    } else {
      const u64 word = A::load_ready(&slot);
      if (u32(word) != 1) return;
      A::after_ready();
      u32 copy[2];
      A::copy_out(copy, &slot, 8);
      RL_ASSERT(A::size(&slot, word) == 8);     // FORBIDDEN: turn without its size
      RL_ASSERT(copy[0] == 1 && copy[1] == 1);  // FORBIDDEN: stale payload
    }
  }
};

template <bool Fences, bool Packed>
struct Reuse : rl::test_suite<Reuse<Fences, Packed>, 2> {
  using A = CheckedAtomics<u32, Fences, Packed>;
  typename A::Slot slot;

  void before() {
    A::set(&slot.payload[0], 7);
    A::store_slot(&slot, 1, 4);
  }
  void thread(unsigned index) {
    if (index == 0) {
      RL_ASSERT(A::get(&slot.payload[0]) == 7);  // FORBIDDEN: overwritten while it was read
      A::before_publish();
      A::store_publish(&slot, 16, 0);
    } else if (u32(A::load_ready(&slot)) == 16) {
      A::after_ready();
      A::set(&slot.payload[0], 8);
    }
  }
};

struct ClaimOnce : rl::test_suite<ClaimOnce, 2> {
  using A = CheckedAtomics<u32, false, true>;
  typename A::Index index;
  u32 winners;

  void before() {
    A::store_index(&index, 0);
    winners = 0;
  }
  void thread(unsigned) {
    u32 expected = 0;
    while (!A::claim_index(&index, &expected, 1)) {
      if (expected) return;
    }
    ++winners;
  }
  void after() { RL_ASSERT(winners == 1); }  // FORBIDDEN: taken twice, or by nobody
};

}  // namespace
}  // namespace ringway::testing

int main() {
  using namespace ringway::testing;
  const Search exhaustive{rl::sched_full, 0, 0};
  check<Publication<false, true>>("publication", "orders, 1 word", exhaustive);
  check<Publication<true, true>>("publication", "fences, 1 word", exhaustive);
  check<Publication<true, false>>("publication", "fences, 2 words", exhaustive);
  check<Reuse<false, true>>("release and reuse", "orders, 1 word", exhaustive);
  check<Reuse<true, true>>("release and reuse", "fences, 1 word", exhaustive);
  check<Reuse<true, false>>("release and reuse", "fences, 2 words", exhaustive);
  check<ClaimOnce>("a ticket is claimed once", "", exhaustive);
  check<Calls<false, true, 1>>("call cell, 1 call", "orders, 1 word", exhaustive);
  check<Calls<true, false, 1>>("call cell, 1 call", "fences, 2 words", exhaustive);
  return failures() != 0;
}
