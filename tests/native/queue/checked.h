// The ring, drop-oldest and the call cell as suites for Relacy: every thread is a fiber, every access of the
// policy a scheduling point, every plain access checked for races.
#pragma once
#include <cstring>

#include "ringway/atomics_checked.h"
#include "ringway/call_cell.h"
#include "ringway/slot_queue.h"

namespace ringway::testing {

// How the two sides of a transfer work.
enum class Way { kInPlace, kCopy };

// P producers send kEach messages each, C consumers read them. The content of a message follows from
// (producer, number).
template <class T, bool Fences, bool Packed, int P, int C, u32 kCapacity, u32 kEach, u32 kBatch, bool ManyP,
          bool ManyC, Way kWay = Way::kInPlace>
struct Transfer
    : rl::test_suite<Transfer<T, Fences, Packed, P, C, kCapacity, kEach, kBatch, ManyP, ManyC, kWay>, P + C> {
  using A = CheckedAtomics<T, Fences, Packed>;
  QueueHeader<A> header;
  typename A::Slot slots[kCapacity];
  u32 seen[P][kEach], received;  // outside the memory model

  void before() {
    // A 32-bit ticket wraps during the test; a 64-bit one does not, and the 32 bits of the sequence do.
    create<A>(&header, slots, kCapacity, 64, 0xfffffffeu);
    std::memset(seen, 0, sizeof seen);
    received = 0;
  }
  static u32 bytes_of(u32 id, u32 i) { return 4 + 4 * ((id + i) & 1); }

  u32 send(Producer<A, ManyP>& producer, u32 id, u32 i) {
    if (kWay == Way::kCopy && kBatch == 1) {
      const u32 words[2] = {id << 8 | i, i + 7};
      return producer.push(words, bytes_of(id, i));
    }
    const u32 n = kBatch < kEach - i ? kBatch : kEach - i;
    if (kWay == Way::kCopy) {
      u32 words[2 * kBatch];
      for (u32 k = 0; k < n; ++k) words[2 * k] = id << 8 | (i + k), words[2 * k + 1] = i + k + 7;
      return producer.push_n(words, n, 8);
    }
    const Claim<A> claim = producer.reserve(n);
    for (u32 k = 0; k < claim.count; ++k) {
      typename A::Slot* slot = producer.ring.slot(claim.first + k);
      A::set(&slot->payload[0], id << 8 | (i + k));
      if (kBatch > 1 || bytes_of(id, i) == 8) A::set(&slot->payload[1], i + k + 7);
    }
    if (claim.count && kBatch == 1) producer.publish(claim.first, bytes_of(id, i), 0);
    if (claim.count && kBatch > 1) producer.publish_n(claim, 8);
    producer.show();
    return claim.count;
  }
  void produce(u32 id) {
    Producer<A, ManyP> producer;
    producer.open(attach<A>(&header, slots));
    for (u32 i = 0; i < kEach;) {
      const u32 sent = send(producer, id, i);
      i += sent;
      if (!sent) rl::yield(1, $);
    }
  }

  void check(i32* last, u32 word, u32 second, u32 bytes) {
    const u32 id = word >> 8, i = word & 255;
    RL_ASSERT(id < P && i < kEach);
    RL_ASSERT(bytes == (kBatch == 1 ? bytes_of(id, i) : 8));
    if (bytes == 8) RL_ASSERT(second == i + 7);
    RL_ASSERT(i32(i) > last[id]);
    last[id] = i32(i);
    RL_ASSERT(seen[id][i]++ == 0);
    ++received;
  }
  u32 take(Consumer<A, ManyC>& consumer, i32* last) {
    u32 words[2 * kBatch];
    if (kWay == Way::kCopy && kBatch == 1) {
      const i32 bytes = consumer.pop(words);
      if (bytes >= 0) check(last, words[0], words[1], u32(bytes));
      return bytes >= 0;
    }
    if (kWay == Way::kCopy) {
      const u32 n = consumer.pop_n(words, kBatch, 8);
      for (u32 k = 0; k < n; ++k) check(last, words[2 * k], words[2 * k + 1], 8);
      return n;
    }
    const Claim<A> claim = consumer.peek(kBatch);
    for (u32 k = 0; k < claim.count; ++k) {
      typename A::Slot* slot = consumer.ring.slot(claim.first + k);
      const u32 bytes = consumer.size(claim.first + k);
      check(last, A::get(&slot->payload[0]), bytes == 8 ? A::get(&slot->payload[1]) : 0, bytes);
    }
    if (claim.count && kBatch == 1) consumer.release(claim.first);
    if (claim.count && kBatch > 1) consumer.release_n(claim);
    consumer.show();
    return claim.count;
  }
  void consume() {
    Consumer<A, ManyC> consumer;
    consumer.open(attach<A>(&header, slots));
    i32 last[P];
    for (int i = 0; i < P; ++i) last[i] = -1;
    while (received < P * kEach) {
      if (!take(consumer, last)) rl::yield(1, $);
    }
  }
  void thread(unsigned index) { index < P ? produce(index) : consume(); }
  void after() { RL_ASSERT(received == P * kEach); }
};

// Producers that drop the oldest (`kOldest`) or the new one when full, against a reader: nothing torn,
// nothing out of order, and what was sent is received or counted.
template <class T, bool Fences, bool Packed, int P, u32 kCapacity, u32 kEach, bool kOldest, Way kWay>
struct Dropping : rl::test_suite<Dropping<T, Fences, Packed, P, kCapacity, kEach, kOldest, kWay>, P + 1> {
  using A = CheckedAtomics<T, Fences, Packed>;
  QueueHeader<A> header;
  typename A::Slot slots[kCapacity];
  u32 received, dropped;
  i32 last[P];

  void before() {
    create<A>(&header, slots, kCapacity, 64, 0xfffffffeu);
    received = dropped = 0;
    for (int i = 0; i < P; ++i) last[i] = -1;
  }
  bool take(Consumer<A, true>& consumer) {
    u32 words[2];
    u32 bytes = 8;
    if (kWay == Way::kCopy) {
      const i32 popped = consumer.pop(words);
      if (popped < 0) return false;
      bytes = u32(popped);
    } else {
      const Claim<A> claim = consumer.peek(1);
      if (!claim.count) return false;
      typename A::Slot* slot = consumer.ring.slot(claim.first);
      words[0] = A::get(&slot->payload[0]);
      words[1] = A::get(&slot->payload[1]);
      bytes = consumer.size(claim.first);
      consumer.release(claim.first);
    }
    const u32 id = words[0] >> 8, i = words[0] & 255;
    RL_ASSERT(bytes == 8 && id < P && i < kEach && words[1] == words[0] + 7);
    RL_ASSERT(i32(i) > last[id]);
    last[id] = i32(i);
    ++received;
    return true;
  }
  void thread(unsigned index) {
    const Ring<A> ring = attach<A>(&header, slots);
    if (index < P) {
      Producer<A, (P > 1)> producer;
      producer.open(ring);
      for (u32 i = 0; i < kEach; ++i) {
        const u32 words[2] = {index << 8 | i, (index << 8 | i) + 7};
        dropped += kOldest ? producer.push_drop_oldest(words, 8) == 0 : !producer.push(words, 8);
      }
    } else {
      Consumer<A, true> consumer;
      consumer.open(ring);
      for (u32 i = 0; i < kEach; ++i) take(consumer);
    }
  }
  void after() {
    Consumer<A, true> consumer;
    consumer.open(attach<A>(&header, slots));
    while (take(consumer)) {
    }
    RL_ASSERT(received + dropped + header.dropped_oldest.load(rl::mo_relaxed, $) == P * kEach);
    if (kOldest) RL_ASSERT(header.dropped_new.load(rl::mo_relaxed, $) == dropped);
  }
};

// kCalls calls; the reply is made from the request in place.
template <bool Fences, bool Packed, u32 kCalls>
struct Calls : rl::test_suite<Calls<Fences, Packed, kCalls>, 2> {
  using A = CheckedAtomics<u32, Fences, Packed>;
  CallCell<A> cell;

  void before() {
    cell.request.word.store(0, rl::mo_relaxed, $);
    cell.reply.word.store(0, rl::mo_relaxed, $);
    cell.request.sequence.store(0, rl::mo_relaxed, $);
    cell.reply.sequence.store(0, rl::mo_relaxed, $);
    create_cell<A>(&cell);
  }
  void thread(unsigned index) {
    if (index == 0) {
      Caller<A> caller;
      caller.open(&cell);
      for (u32 i = 0; i < kCalls; ++i) {
        const u32 request[2] = {i, i + 7};
        A::copy_in(caller.slot(), request, 8);
        caller.ask(8, i);
        while (!caller.answered()) rl::yield(1, $);
        u32 reply[1];
        A::copy_out(reply, caller.slot(), 4);
        RL_ASSERT(caller.size() == 4 && caller.flags() == i + 1 && reply[0] == 2 * i + 7);
      }
    } else {
      Callee<A> callee;
      callee.open(&cell);
      for (u32 i = 0; i < kCalls; ++i) {
        while (!callee.asked()) rl::yield(1, $);
        u32 words[2];
        A::copy_out(words, callee.slot(), 8);
        RL_ASSERT(callee.size() == 8 && callee.flags() == i && words[0] == i && words[1] == i + 7);
        words[0] += words[1];
        A::copy_in(callee.slot(), words, 4);
        callee.answer(4, i + 1);
      }
    }
  }
};

}  // namespace ringway::testing
