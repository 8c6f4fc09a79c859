// Every entry of the PageRank kernels, over a context that does nothing.
#pragma once
#include "ringway/kernels/pagerank.h"

namespace ringway {

struct IdleContext {
  RW_SHARED u8* memory;
  u32 from;
  RW_FN u32 input() const RW_PRIVATE { return from; }
  RW_FN RW_SHARED u8* reserve(u32, u32) RW_PRIVATE { return memory; }
  RW_FN void commit(u32, u32) RW_PRIVATE {}
  RW_FN RW_SHARED u8* reserve_answer(RW_SHARED const Envelope*, u32, u32) RW_PRIVATE { return memory; }
  RW_FN void commit_answer(u32) RW_PRIVATE {}
  RW_FN RW_SHARED u8* buffer(u64, RW_PRIVATE u64* bytes) RW_PRIVATE {
    *bytes = 0;
    return memory;
  }
  RW_FN u64 now_us() const RW_PRIVATE { return 0; }
};

template <class Handler>
RW_FN u32 touch_handler(RW_SHARED u8* memory, RW_PRIVATE IdleContext* context) {
  DrainStatus status = {0, 0};
  return Handler::drain(context, memory, 64, 1, (RW_SHARED typename Handler::State*)memory, &status) +
         status.code;
}

template <class Wide>
RW_FN u32 touch_pagerank(RW_SHARED u8* memory) {
  IdleContext context;
  context.memory = memory;
  context.from = 1;
  return touch_handler<PageRankSender<Wide> >(memory, &context) +
         touch_handler<PageRankAggregator<Wide> >(memory, &context) +
         touch_handler<PageRankChecker<Wide> >(memory, &context);
}

}  // namespace ringway
