// A stack that execution can be switched to, and what a sanitizer must be told about it: fiber_plain.cpp says nothing,
// fiber_asan.cpp and fiber_tsan.cpp speak to theirs; CMake chooses.
#pragma once
#include "backends/cpu/fiber.h"

namespace ringway::cpu {

struct FiberStack {
  Suspended suspended = nullptr;
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void* sanitizer = nullptr;
  FiberStack* before = nullptr;  // the one that was left for this one
};

// Before the first switch to a stack of memory, and when it is given up.
void open_stack(FiberStack& stack);
void close_stack(FiberStack& stack);
// The stack that the caller runs on, as the one to come back to.
void take_own_stack(FiberStack& stack);
// Leaves `from`, the stack that the caller runs on, and goes on with `to`.
void switch_stack(FiberStack& from, FiberStack& to);
// First thing on a stack that is new.
void begin_on_stack(FiberStack& stack);

}  // namespace ringway::cpu
