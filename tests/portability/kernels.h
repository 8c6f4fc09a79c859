// Every entry of the built-in kernels but PageRank's, alone and in the resident loop's turn.
#pragma once
#include "context.h"
#include "ringway/histogram.h"
#include "ringway/kernels/echo.h"
#include "ringway/kernels/faulty.h"
#include "ringway/kernels/relay.h"
#include "ringway/kernels/vector_op.h"
#include "ringway/ring_loop.h"

namespace ringway {

template <class A, class Handler, bool Shared>
RW_FN u32 touch_turn(RW_SHARED u8* memory, RW_PRIVATE IdleContext* context) {
  RW_SHARED QueueHeader<A>* header = (RW_SHARED QueueHeader<A>*)memory;
  Intake<A, Shared> intake;
  intake.open(attach<A>(header, memory + sizeof(QueueHeader<A>)));
  DrainStatus status = {0, 0};
  u32 sum = ring_turn<A, Handler>(context, &intake, 8, (RW_SHARED typename Handler::State*)memory, &status);
  if (status.code == kFailed) skip(&intake);
  return sum;
}

template <class A>
RW_FN u32 touch_kernels(RW_SHARED u8* memory) {
  RW_SHARED Histogram<A>* histogram = (RW_SHARED Histogram<A>*)memory;
  add_duration<A>(histogram, bucket_floor(bucket_of(1u << 20)));
  IdleContext context;
  context.memory = memory;
  context.from = 0;
  return touch_turn<A, Echo, false>(memory, &context) + touch_turn<A, Echo, true>(memory, &context) +
         touch_handler<Faulty>(memory, &context) + touch_handler<Relay>(memory, &context) +
         touch_handler<VectorOperation>(memory, &context);
}

}  // namespace ringway
