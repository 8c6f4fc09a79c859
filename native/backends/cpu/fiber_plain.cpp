#include "backends/cpu/fiber_stack.h"

namespace ringway::cpu {

void open_stack(FiberStack&) {}
void close_stack(FiberStack&) {}
void take_own_stack(FiberStack&) {}
void begin_on_stack(FiberStack&) {}

void switch_stack(FiberStack& from, FiberStack& to) {
  switch_fiber(&from.suspended, to.suspended);
}

}  // namespace ringway::cpu
