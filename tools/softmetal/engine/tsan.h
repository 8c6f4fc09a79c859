// How a run of GPU threads looks to ThreadSanitizer: each is a fiber of its own, ordered with others by barriers and by
// the begin and end of a dispatch only. The engine is not instrumented itself, because a switch of fibers inside an
// instrumented function would break the sanitizer's call stack. tsan_none.cpp takes the place where it is not used.
#pragma once
#include <cstdint>

#include "engine/abi.h"

namespace softmetal::tsan {

extern const bool kActive;

// Words whose addresses name points in time: one dispatch's begin and end, and a group's barriers.
struct Moment {
  char word[8];
};

void release(Moment* moment);
void acquire(Moment* moment);
// The caller's thread, to come back to.
void* own();
void enter(void* fiber);
void create(sm_thread* threads, unsigned count, Moment* begin);
void destroy(sm_thread* threads, unsigned count, Moment* end);
// All of them have come here before any goes on.
void barrier(sm_thread* threads, unsigned count, Moment* moment);

}  // namespace softmetal::tsan
