// ThreadSanitizer sees each stack as a thread. A switch orders what comes before and after it, so that threads of one
// group never race; groups do, when they share memory without atomics.
#include <sanitizer/tsan_interface.h>

#include "backends/cpu/fiber_stack.h"

namespace ringway::cpu {

void open_stack(FiberStack& stack) {
  stack.sanitizer = __tsan_create_fiber(0);
}

void close_stack(FiberStack& stack) {
  __tsan_destroy_fiber(stack.sanitizer);
}

void take_own_stack(FiberStack& stack) {
  stack.sanitizer = __tsan_get_current_fiber();
}

void begin_on_stack(FiberStack&) {}

void switch_stack(FiberStack& from, FiberStack& to) {
  __tsan_switch_to_fiber(to.sanitizer, 0);
  switch_fiber(&from.suspended, to.suspended);
}

}  // namespace ringway::cpu
