// AAPCS64: x19 to x30, the low halves of v8 to v15 and the stack pointer survive a call. CMake gives
// RINGWAY_HIDDEN, the assembler's word for a symbol that the library keeps to itself.
#include <cstdint>

#include "backends/cpu/fiber.h"

extern "C" {
[[gnu::visibility("hidden")]] void ringway_switch(void** from, void* to) asm("ringway_switch");
[[gnu::visibility("hidden")]] void ringway_begin() asm("ringway_begin");
}

asm(".text\n" RINGWAY_HIDDEN " ringway_switch\n" RINGWAY_HIDDEN
    " ringway_begin\n"
    R"(
  .globl ringway_switch
  .p2align 4
ringway_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret

  .globl ringway_begin
  .p2align 4
ringway_begin:
  mov x0, x19
  blr x20
  brk #1
)");

namespace ringway::cpu {

Suspended prepare_fiber(void* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
  constexpr std::uintptr_t kAligned = ~std::uintptr_t(15);
  constexpr int kWords = 20;
  auto* frame =
      reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack) + bytes) & kAligned) - kWords;
  for (int word = 0; word < kWords; ++word) frame[word] = nullptr;
  frame[0] = argument;                                  // x19
  frame[1] = reinterpret_cast<void*>(entry);            // x20
  frame[11] = reinterpret_cast<void*>(&ringway_begin);  // x30
  return frame;
}

void switch_fiber(Suspended* from, Suspended to) {
  ringway_switch(from, to);
}

}  // namespace ringway::cpu
