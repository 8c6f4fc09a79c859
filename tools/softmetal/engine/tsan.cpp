#include "engine/tsan.h"

extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

namespace softmetal::tsan {
namespace {

constexpr unsigned kNoOrder = 1;  // a switch alone orders nothing

}  // namespace

const bool kActive = true;

void release(Moment* moment) {
  __tsan_release(moment);
}

void acquire(Moment* moment) {
  __tsan_acquire(moment);
}

void* own() {
  return __tsan_get_current_fiber();
}

void enter(void* fiber) {
  __tsan_switch_to_fiber(fiber, kNoOrder);
}

void create(sm_thread* threads, unsigned count, Moment* begin) {
  void* root = own();
  for (unsigned i = 0; i < count; ++i) {
    threads[i].fiber = __tsan_create_fiber(0);
    enter(threads[i].fiber);
    acquire(begin);
  }
  enter(root);
}

void destroy(sm_thread* threads, unsigned count, Moment* end) {
  void* root = own();
  for (unsigned i = 0; i < count; ++i) {
    enter(threads[i].fiber);
    release(end);
  }
  enter(root);
  for (unsigned i = 0; i < count; ++i) {
    __tsan_destroy_fiber(threads[i].fiber);
    if (threads[i].publisher) __tsan_destroy_fiber(threads[i].publisher);
  }
}

void barrier(sm_thread* threads, unsigned count, Moment* moment) {
  void* root = own();
  for (unsigned i = 0; i < count; ++i) {
    enter(threads[i].fiber);
    release(moment);
  }
  for (unsigned i = 0; i < count; ++i) {
    enter(threads[i].fiber);
    acquire(moment);
  }
  enter(root);
}

}  // namespace softmetal::tsan

// The sanitizer knows no fences. One acquires what was loaded before it, and a later atomic store publishes what stood
// before the fence, not before the store: a fiber of its own carries that clock to the atomic.
extern "C" {

[[gnu::visibility("default")]] void sm_tsan_fence(void) {
  sm_thread* self = sm_current;
  const unsigned kept = self->loads < 32 ? self->loads : 32;
  for (unsigned i = 0; i < kept; ++i) __tsan_acquire(const_cast<void*>(self->loaded[i]));
  self->loads = 0;
  self->fenced = true;
  __tsan_release(self->fence);
}

[[gnu::visibility("default")]] void sm_tsan_publish(volatile void* to) {
  sm_thread* self = sm_current;
  if (!self->publisher) self->publisher = __tsan_create_fiber(0);
  softmetal::tsan::enter(self->publisher);
  __tsan_acquire(self->fence);
  __tsan_release(const_cast<void*>(to));
  softmetal::tsan::enter(self->fiber);
}

}  // extern "C"
