// The resident loop's inner part, the same on every backend: one turn takes a run of messages from one input, gives
// it to the handler where it lies, and releases what the handler is done with.
#pragma once
#include "handler.h"
#include "slot_queue.h"

namespace ringway {

// Messages that a loop has claimed from an input and not yet released.
template <class A, bool Shared> struct Intake {
  Consumer<A, Shared> consumer;
  Claim<A> held;

  RW_FN void open(Ring<A> ring) {
    consumer.open(ring);
    held.first = 0;
    held.count = 0;
  }
};

// Returns how many messages left the input; `status` speaks of the first of `held` when it is not kDrained. A message
// at fault, or on which the handler broke, stays held: the loop answers it and then calls skip().
template <class A, class Handler, bool Shared, class Ctx>
RW_FN u32 ring_turn(RW_PRIVATE Ctx* ctx, RW_PRIVATE Intake<A, Shared>* in, u32 batch,
                    RW_SHARED typename Handler::State* state, RW_PRIVATE DrainStatus* status) {
  status->code = kDrained;
  status->error = 0;
  if (!in->held.count) in->held = in->consumer.peek(batch);
  if (!in->held.count) return 0;
  const u32 to_end = in->consumer.ring.capacity - (u32(in->held.first) & (in->consumer.ring.capacity - 1));
  const u32 run = in->held.count < to_end ? in->held.count : to_end;
  RW_SHARED u8* first = (RW_SHARED u8*)in->consumer.ring.slot(in->held.first);
  const u32 done = Handler::drain(ctx, first, in->consumer.ring.stride, run, state, status);
  Claim<A> finished = {in->held.first, done};
  if (done) ctx->handled(finished.first, done);
  in->held.first += done;
  in->held.count -= done;
  if (done) in->consumer.release_n(finished);
  in->consumer.show();
  return done;
}

// Lets go of the first held message unhandled.
template <class A, bool Shared> RW_FN void skip(RW_PRIVATE Intake<A, Shared>* in) {
  in->consumer.release(in->held.first);
  in->held.first += 1;
  in->held.count -= 1;
}

}  // namespace ringway
