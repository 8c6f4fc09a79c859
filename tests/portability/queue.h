// Every entry point of the slot queue, for one policy and one sharing of each side.
#pragma once
#include "cell.h"

namespace ringway {

template <class A, bool Shared>
RW_FN u32 touch_producer(Ring<A> ring, RW_PRIVATE u32* words) {
  Producer<A, Shared> producer;
  producer.open(ring);
  Claim<A> claim = producer.reserve(2);
  if (claim.count) {
    raw_payload(ring.slot(claim.first))[0] = words[0];
    producer.publish_n(claim, 4);
  }
  claim = producer.reserve(1);
  if (claim.count) producer.publish(claim.first, 4, 0);
  producer.show();
  return producer.push(words, 56) + producer.push_n(words, 2, 8) + producer.push_drop_oldest(words, 56);
}

template <class A, bool Shared>
RW_FN u32 touch_consumer(Ring<A> ring, RW_PRIVATE u32* words) {
  Consumer<A, Shared> consumer;
  consumer.open(ring);
  Claim<A> claim = consumer.peek(2);
  if (claim.count) {
    words[0] = raw_payload(ring.slot(claim.first))[0] + consumer.size(claim.first);
    consumer.release_n(claim);
  }
  claim = consumer.peek(1);
  if (claim.count) consumer.release(claim.first);
  consumer.show();
  return u32(consumer.pop(words)) + consumer.pop_n(words, 2, 8);
}

template <class A>
RW_FN u32 touch_queue(RW_SHARED u8* memory, RW_PRIVATE u32* words) {
  RW_SHARED QueueHeader<A>* header = (RW_SHARED QueueHeader<A>*)memory;
  RW_SHARED u8* slots = memory + sizeof(QueueHeader<A>);
  u32 sum = touch_cell<A>(memory, words) + touch_attach<A>(memory);
  create<A>(header, slots, 16, 64, 0);
  Ring<A> ring = attach<A>(header, slots);
  sum += touch_producer<A, false>(ring, words) + touch_producer<A, true>(ring, words);
  seal(ring);
  return sum + touch_consumer<A, false>(ring, words) + touch_consumer<A, true>(ring, words);
}

}  // namespace ringway
