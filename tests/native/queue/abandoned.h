// Claimers that stop for ever, at any access, as suites for Relacy. The policy counts the accesses of a thread that is
// to die and ends it before the chosen one; its death is then seen as a free lock would be.
#pragma once
#include <cstring>

#include "core/noted_claim.h"
#include "ringway/atomics_checked.h"

namespace ringway::testing {

struct Death {};  // thrown in place of the access

struct MortalAtomics : CheckedAtomics<u64, false, true> {
  using Base = CheckedAtomics<u64, false, true>;

  static int& budget();
  static void step() {
    if (budget() > 0 && --budget() == 0) throw Death{};
  }
  static u64 load_ready(Slot* s) {
    step();
    return Base::load_ready(s);
  }
  static void store_publish(Slot* s, u32 sequence, u32 size) {
    step();
    Base::store_publish(s, sequence, size);
  }
  static u64 load_index(Index* p) {
    step();
    return Base::load_index(p);
  }
  static bool claim_index_before(Index* p, u64* expected, u64 desired) {
    step();
    return Base::claim_index_before(p, expected, desired);
  }
  static void store_index_before(Index* p, u64 v) {
    step();
    Base::store_index_before(p, v);
  }
  static u64 load_index_after(Index* p) {
    step();
    return Base::load_index_after(p);
  }
  static bool swap_publish(Slot* s, u64 seen, u32 sequence, u32 size) {
    step();
    return Base::swap_publish(s, seen, sequence, size);
  }
  static void copy_in(Slot* slot, const u32* words, u32 bytes) {
    step();
    Base::copy_in(slot, words, bytes);
  }
};

// Each thread's budget by its number: fibers share what is thread-local.
inline int (&budgets())[8] {
  static int all[8];
  return all;
}
inline int& MortalAtomics::budget() {
  return budgets()[rl::thread_index()];
}

inline u32 whole(u64, u32 n) {
  return n;
}

struct CheckedNote {
  rl::atomic<u64> word;
};

// kProducers send kEach messages, kConsumers read them; the first `kMortalProducers` and `kMortalConsumers` of them die
// at an access drawn by the checker, or later. Each message that was published is received once; twice only when a
// consumer died. What is missing was not published, and was skipped when it was claimed.
template <int kProducers, int kConsumers, int kMortalProducers, int kMortalConsumers, u32 kEach, u32 kBatch>
struct Abandoned
    : rl::test_suite<Abandoned<kProducers, kConsumers, kMortalProducers, kMortalConsumers, kEach, kBatch>,
                     kProducers + kConsumers> {
  using A = MortalAtomics;
  static constexpr u32 kCapacity = 4;
  static constexpr int kAccesses = 24;
  QueueHeader<A> header;
  typename A::Slot slots[kCapacity];
  CheckedNote producers[kProducers], consumers[kConsumers];
  rl::atomic<u32> producer_lives[kProducers], consumer_lives[kConsumers];
  rl::atomic<u32> table;  // 0, or its holder's number + 1; free when the holder is dead
  // Outside the memory model.
  u32 seen[kProducers][kEach], published[kProducers][kEach], skipped, dead_consumers;

  void before() {
    create<A>(&header, slots, kCapacity, 64, 0xfffffffeu);
    for (auto& note : producers) note.word.store(0, rl::mo_relaxed, $);
    for (auto& note : consumers) note.word.store(0, rl::mo_relaxed, $);
    for (auto& lives : producer_lives) lives.store(1, rl::mo_relaxed, $);
    for (auto& lives : consumer_lives) lives.store(1, rl::mo_relaxed, $);
    table.store(0, rl::mo_relaxed, $);
    std::memset(seen, 0, sizeof seen);
    std::memset(published, 0, sizeof published);
    std::memset(budgets(), 0, sizeof budgets());
    skipped = dead_consumers = 0;
  }

  Ring<A> ring() { return attach<A>(&header, slots); }

  void produce(u32 id) {
    Ring<A> over = ring();
    Producer<A, true> side;
    side.ring = over;
    for (u32 i = 0; i < kEach;) {
      const Claim<A> claim = claim_noted(over, &header.enqueue, &producers[id].word,
                                         kBatch < kEach - i ? kBatch : kEach - i, 0, whole);
      for (u32 k = 0; k < claim.count; ++k) {
        const u32 words[2] = {id << 8 | (i + k), i + k + 7};
        A::copy_in(over.slot(claim.first + k), words, 8);
        side.publish(claim.first + k, 8, 0);
        published[id][i + k] = 1;
      }
      if (claim.count) clear_note<A>(&producers[id].word);
      i += claim.count;
      if (!claim.count) rl::yield(1, $);
    }
  }

  bool lock_table(u32 id) {
    u32 holder = table.load(rl::mo_acquire, $);
    if (holder && consumer_lives[holder - 1].load(rl::mo_acquire, $)) return false;
    return table.compare_exchange_strong(holder, id + 1, rl::mo_acq_rel, $, rl::mo_relaxed, $);
  }

  // One message, or none.
  bool take(u32 id) {
    Ring<A> over = ring();
    Consumer<A, true> side;
    side.ring = over;
    u32 waits_for;
    Claim<A> claim = claim_noted(over, &header.dequeue, &consumers[id].word, kBatch, 1, whole);
    if (!claim.count) {
      skip_abandoned(
          over, producers, u32(kProducers),
          [this](u32 i) { return producer_lives[i].load(rl::mo_acquire, $) != 0; }, &waits_for);
      if (kMortalConsumers && lock_table(id)) {
        claim = adopt_abandoned(
            over, consumers, u32(kConsumers), id,
            [this](u32 i) { return consumer_lives[i].load(rl::mo_acquire, $) != 0; }, &waits_for);
        table.store(0, rl::mo_release, $);
      }
    }
    for (u32 k = 0; k < claim.count; ++k) {
      const u64 ticket = claim.first + k;
      if (side.flags(ticket) & kSlotSkipped) {
        ++skipped;
      } else {
        u32 words[2];
        A::copy_out(words, over.slot(ticket), 8);
        const u32 from = words[0] >> 8, number = words[0] & 255;
        RL_ASSERT(side.size(ticket) == 8 && from < kProducers && number < kEach && words[1] == number + 7);
        ++seen[from][number];
      }
      side.release(ticket);
    }
    if (claim.count) clear_note<A>(&consumers[id].word);
    return claim.count != 0;
  }

  // Of what consumer `id` can see once all who may leave something behind have ended.
  bool all_done(u32 id) {
    for (auto& lives : producer_lives) {
      if (lives.load(rl::mo_acquire, $)) return false;
    }
    for (u32 i = 0; i < u32(kMortalConsumers); ++i) {
      if (i != id && consumer_lives[i].load(rl::mo_acquire, $)) return false;
    }
    if (header.enqueue.load(rl::mo_relaxed, $) != header.dequeue.load(rl::mo_relaxed, $)) return false;
    for (auto& slot : slots) {  // released, all of them
      if (u32(slot.word.load(rl::mo_relaxed, $)) & (kCapacity - 1)) return false;
    }
    return true;
  }
  void consume(u32 id) {
    for (;;) {
      if (take(id)) continue;
      if (all_done(id)) return;
      rl::yield(1, $);
    }
  }

  void thread(unsigned index) {
    const bool sends = index < u32(kProducers);
    const u32 id = sends ? index : index - u32(kProducers);
    const bool mortal = int(id) < (sends ? kMortalProducers : kMortalConsumers);
    if (mortal) budgets()[index] = 1 + int(rl::rand(kAccesses));
    try {
      sends ? produce(id) : consume(id);
    } catch (const Death&) {
      if (!sends) ++dead_consumers;
    }
    budgets()[index] = 0;
    (sends ? producer_lives : consumer_lives)[id].store(0, rl::mo_release, $);
  }

  void after() {
    for (int from = 0; from < kProducers; ++from) {
      for (u32 i = 0; i < kEach; ++i) {
        const u32 times = seen[from][i];
        // A producer may have died between the publication and the note that this test takes of it.
        if (from >= kMortalProducers) RL_ASSERT(times >= 1);
        if (published[from][i]) RL_ASSERT(times >= 1);
        RL_ASSERT(times <= 1 + dead_consumers);
      }
    }
    if (!kMortalProducers) RL_ASSERT(skipped == 0);
    RL_ASSERT(skipped <= kMortalProducers * kBatch * (1 + dead_consumers));
  }
};

}  // namespace ringway::testing
