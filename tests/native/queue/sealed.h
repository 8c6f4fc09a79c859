// The ring where the language has no order inside a dispatch (Metal before 3.2), for Relacy: every access is relaxed and
// there is no fence, so that only the boundary between two dispatches orders anything. What a dispatch touches must have
// been left by an earlier one; the model checker sees every plain access that was not.
#pragma once
#include <cstring>

#include "ringway/atomics_checked.h"
#include "ringway/slot_queue.h"

namespace ringway::testing {

struct SaidToBeOrdered : CheckedAtomics<u32, true, false> {
  static void after_ready() {}
  static void before_publish() {}
};
struct Unordered : SaidToBeOrdered {
  enum : bool { kOrdered = false };
};

// Threads are the threads of a grid that is dispatched kDispatches times. P producers send one message, or as many as
// there is room for, in each of the first dispatches; C consumers take what they may.
template <class A, int P, int C, u32 kCapacity, bool ManyP, bool ManyC>
struct Sealed : rl::test_suite<Sealed<A, P, C, kCapacity, ManyP, ManyC>, P + C> {
  enum : u32 { kDispatches = 4, kEach = 3 };
  QueueHeader<A> header;
  typename A::Slot slots[kCapacity];
  rl::atomic<u32> arrived, dispatch;
  u32 sent[P], seen[P][kEach], received;  // outside the memory model
  i32 last[C][P];

  void before() {
    create<A>(&header, slots, kCapacity, 64, 0xfffffffeu);
    arrived.store(0, rl::mo_relaxed, $);
    dispatch.store(0, rl::mo_relaxed, $);
    received = 0;
    std::memset(sent, 0, sizeof sent);
    std::memset(seen, 0, sizeof seen);
    std::memset(last, -1, sizeof last);
  }
  // The end of a dispatch: everything before it comes before everything after it.
  void boundary(u32 number) {
    if (arrived.fetch_add(1, rl::mo_acq_rel, $) + 1 == (number + 1) * (P + C)) {
      seal(attach<A>(&header, slots));
      dispatch.store(number + 1, rl::mo_release, $);
    }
    while (dispatch.load(rl::mo_acquire, $) <= number) rl::yield(1, $);
  }
  void produce(u32 id) {
    Producer<A, ManyP> producer;
    producer.open(attach<A>(&header, slots));
    while (sent[id] < kEach) {
      const u32 words[2] = {id << 8 | sent[id], sent[id] + 7};
      if (!producer.push(words, 8)) break;
      ++sent[id];
    }
    producer.show();
  }
  void take(u32 consumer, u32 word, u32 second) {
    const u32 id = word >> 8, i = word & 255;
    RL_ASSERT(id < P && i < kEach && second == i + 7);
    RL_ASSERT(i32(i) > last[consumer][id]);
    last[consumer][id] = i32(i);
    RL_ASSERT(seen[id][i]++ == 0);
    ++received;
  }
  void consume(u32 index) {
    Consumer<A, ManyC> consumer;
    consumer.open(attach<A>(&header, slots));
    u32 words[2];
    while (consumer.pop(words) == 8) take(index, words[0], words[1]);
    consumer.show();
  }
  void thread(unsigned index) {
    for (u32 number = 0; number < kDispatches; ++number) {
      index < P ? produce(index) : consume(index - P);
      boundary(number);
    }
  }
  void after() {
    for (u32 round = 0; round < P * kEach; ++round) {
      for (u32 id = 0; id < P; ++id) produce(id);
      seal(attach<A>(&header, slots));
      consume(0);
      seal(attach<A>(&header, slots));
    }
    RL_ASSERT(received == P * kEach);
  }
};

}  // namespace ringway::testing
