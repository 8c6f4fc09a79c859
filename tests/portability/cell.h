// Every entry point of the call cell, and the checked attach.
#pragma once
#include "ringway/atomics.h"
#include "ringway/call_cell.h"
#include "ringway/slot_queue.h"

namespace ringway {

template <class A>
RW_FN u32 touch_cell(RW_SHARED u8* memory, RW_PRIVATE u32* words) {
  RW_SHARED CallCell<A>* cell = (RW_SHARED CallCell<A>*)memory;
  create_cell<A>(cell);
  Caller<A> caller;
  Callee<A> callee;
  caller.open(cell);
  callee.open(cell);
  A::copy_in(caller.slot(), words, 8);
  caller.ask(8, 1);
  if (callee.asked() && callee.size() == 8 && callee.flags() == 1) {
    A::copy_out(words, callee.slot(), 8);
    callee.answer(4, 0);
  }
  return u32(is_cell<A>(cell)) + u32(caller.answered()) + caller.size() + caller.flags();
}

template <class A>
RW_FN u32 touch_attach(RW_SHARED u8* memory) {
  RW_SHARED QueueHeader<A>* header = (RW_SHARED QueueHeader<A>*)memory;
  RW_SHARED u8* slots = memory + sizeof(QueueHeader<A>);
  Ring<A> ring;
  if (attach_checked<A>(header, slots, 16 * 64, &ring) != kLayoutGood) return 0;
  Producer<A, true> producer;
  producer.open(ring);
  Consumer<A, true> consumer;
  consumer.open(ring);
  return u32(take_oldest(ring, producer.blocked())) + consumer.flags(consumer.peek(1).first);
}

}  // namespace ringway
