// The handlers in the image of ring kernels, and their numbers.
#pragma once
#include "ringway/kernels/echo.h"
#include "ringway/kernels/faulty.h"
#include "ringway/kernels/pagerank.h"
#include "ringway/kernels/relay.h"
#include "ringway/kernels/vector_op.h"

#define RINGWAY_RING_HANDLERS(HANDLER)   \
  HANDLER(1, Echo)                       \
  HANDLER(2, Faulty)                     \
  HANDLER(3, VectorOperation)            \
  HANDLER(4, PageRankSender<double>)     \
  HANDLER(5, PageRankAggregator<double>) \
  HANDLER(6, PageRankChecker<double>)    \
  HANDLER(7, Relay)

namespace ringway {

template <class Handler>
struct RingHandler;
#define RINGWAY_NUMBER(number, ...)  \
  template <>                        \
  struct RingHandler<__VA_ARGS__> {  \
    enum : u32 { kNumber = number }; \
  };
RINGWAY_RING_HANDLERS(RINGWAY_NUMBER)
#undef RINGWAY_NUMBER

}  // namespace ringway
