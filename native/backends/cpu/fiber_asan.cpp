// AddressSanitizer is told where the stack lies that is switched to, and learns at the first switch where a thread's own
// one lies.
#include <sanitizer/common_interface_defs.h>

#include "backends/cpu/fiber_stack.h"

namespace ringway::cpu {
void open_stack(FiberStack&) {}
void close_stack(FiberStack&) {}
void take_own_stack(FiberStack&) {}

void begin_on_stack(FiberStack& stack) {
  __sanitizer_finish_switch_fiber(nullptr, &stack.before->bottom, &stack.before->bytes);
}

void switch_stack(FiberStack& from, FiberStack& to) {
  to.before = &from;
  __sanitizer_start_switch_fiber(&from.sanitizer, to.bottom, to.bytes);
  switch_fiber(&from.suspended, to.suspended);
  __sanitizer_finish_switch_fiber(from.sanitizer, &from.before->bottom, &from.before->bytes);
}

}  // namespace ringway::cpu
