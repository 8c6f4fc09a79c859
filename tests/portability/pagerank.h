// Every entry of the PageRank kernels.
#pragma once
#include "context.h"
#include "ringway/kernels/pagerank.h"

namespace ringway {

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
