// Two threads, a few accesses each, many times over: the outcomes that the queue's orders forbid must never be seen, on
// the processor at hand and as this compiler compiled them. test_litmus_checked.cpp has the same under the model checker.
#include <atomic>
#include <cstring>
#include <string>

#include "litmus/litmus.h"
#include "ringway/call_cell.h"

namespace ringway::testing {
namespace {

using A = HostAtomics<u64>;

struct alignas(kLine) OneSlot {
  PackedHead head{};
  u32 words[14] = {};
  u32 turn = 0, size = 0, first = 0, last = 0;  // what thread two saw
};

TEST(Litmus, PublicationCarriesPayloadAndSize) {
  const auto seen = outcomes<OneSlot>(
      [](OneSlot* s) {
        const u32 words[14] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
        A::copy_in(&s->head, words, 56);
        A::store_publish(&s->head, 1, 56);
      },
      [](OneSlot* s) {
        const u64 word = A::load_ready(&s->head);
        s->turn = u32(word);
        s->size = A::size(&s->head, word);
        if (!s->turn) return;
        u32 copy[14];
        A::copy_out(copy, &s->head, 56);
        s->first = copy[0];
        s->last = copy[13];
      },
      [](const OneSlot& s) {
        if (!s.turn) return std::string("early");
        return "turn, size " + std::to_string(s.size) + ", payload " + std::to_string(s.first + s.last);
      });
  for (const char* payload : {"0", "1"})
    forbid(seen, "turn, size 56, payload " + std::string(payload), "stale payload");
  for (const char* payload : {"0", "1", "2"}) {
    forbid(seen, "turn, size 0, payload " + std::string(payload), "turn without its size");
  }
}

TEST(Litmus, ReleaseComesAfterTheRead) {
  struct alignas(kLine) Reused : OneSlot {
    Reused() {
      head.word = head_of(1, 4);
      words[0] = 7;
    }
  };
  const auto seen = outcomes<Reused>(
      [](Reused* s) {  // the consumer
        A::copy_out(&s->first, &s->head, 4);
        A::store_publish(&s->head, 16, 0);
      },
      [](Reused* s) {  // the producer one lap on
        if (u32(A::load_ready(&s->head)) != 16) return;
        const u32 next = 8;
        A::copy_in(&s->head, &next, 4);
      },
      [](const Reused& s) { return std::to_string(s.first); });
  forbid(seen, "8", "overwritten while it was read");
}

struct Claimed {
  u64 index = 0;
  bool one = false, two = false;
};
bool claim(Claimed* c) {
  u64 expected = 0;
  while (!A::claim_index(&c->index, &expected, 1)) {
    if (expected != 0) return false;
  }
  return true;
}

TEST(Litmus, ATicketIsClaimedOnce) {
  const auto seen =
      outcomes<Claimed>([](Claimed* c) { c->one = claim(c); }, [](Claimed* c) { c->two = claim(c); },
                        [](const Claimed& c) { return std::to_string(c.one + c.two); });
  forbid(seen, "2", "the message is taken twice");
  forbid(seen, "0", "the message is lost");
}

TEST(Litmus, TheReplyIsTheCallsOwn) {
  struct alignas(kIndexLine) Cell {
    CallCell<A> cell{};
    u8 payload[kCellPayload] = {};
    bool stale = false;
  };
  static_assert(offsetof(Cell, payload) >= kIndexLine + 16, "room behind the words");
  const auto seen = outcomes<Cell>(
      [](Cell* c) {
        Caller<A> caller;
        caller.open(&c->cell);
        const u32 request = 1;
        A::copy_in(caller.slot(), &request, 4);
        caller.ask(4, 0);
        if (!caller.answered()) return;
        u32 reply = 0;
        A::copy_out(&reply, caller.slot(), 4);
        c->stale = reply != 2;
      },
      [](Cell* c) {
        Callee<A> callee;
        callee.open(&c->cell);
        if (!callee.asked()) return;
        u32 word = 0;
        A::copy_out(&word, callee.slot(), 4);
        ++word;
        A::copy_in(callee.slot(), &word, 4);
        callee.answer(4, 0);
      },
      [](const Cell& c) { return std::string(c.stale ? "stale" : "own"); });
  forbid(seen, "stale", "the reply was read before it was written");
}

}  // namespace
}  // namespace ringway::testing
