// A context that does nothing, and a handler's entry over it.
#pragma once
#include "ringway/handler.h"

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
  RW_FN RW_SHARED u8* reserve_message(u32, u32) RW_PRIVATE { return memory; }
  RW_FN u32 answer_id(u32) const RW_PRIVATE { return 0; }
  RW_FN u64 now_us() const RW_PRIVATE { return 0; }
  RW_FN u64 now_ns() const RW_PRIVATE { return 0; }
  RW_FN bool wait_until(u64) const RW_PRIVATE { return true; }
  RW_FN void handled(u64, u32) RW_PRIVATE {}
};

template <class Handler>
RW_FN u32 touch_handler(RW_SHARED u8* memory, RW_PRIVATE IdleContext* context) {
  DrainStatus status = {0, 0};
  return Handler::drain(context, memory, 64, 1, (RW_SHARED typename Handler::State*)memory, &status) +
         status.code;
}

}  // namespace ringway
