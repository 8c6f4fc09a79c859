// Suspended execution on a stack of its own. Three forms, chosen by CMake: x86-64 and aarch64 save the registers that a
// call preserves, fiber_ucontext.cpp leaves that to the system's library. Rounding modes and signal masks stay the
// thread's.
#pragma once
#include <cstddef>

namespace ringway::cpu {

// Where execution was left; null where nothing is suspended.
using Suspended = void*;

// What runs entry(argument), which never returns, when it is switched to.
Suspended prepare_fiber(void* stack, std::size_t bytes, void (*entry)(void*), void* argument);
// Leaves this execution in *from and goes on with `to`; returns when something switches back.
void switch_fiber(Suspended* from, Suspended to);

}  // namespace ringway::cpu
