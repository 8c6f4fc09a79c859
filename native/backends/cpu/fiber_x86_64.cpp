// System V calling convention: rbx, rbp, r12 to r15 and the stack pointer survive a call. CMake gives
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
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret

  .globl ringway_begin
  .p2align 4
ringway_begin:
  movq %r12, %rdi
  callq *%r13
  ud2
)");

namespace ringway::cpu {

Suspended prepare_fiber(void* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
  constexpr std::uintptr_t kAligned = ~std::uintptr_t(15);
  auto* top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack) + bytes) & kAligned);
  *--top = nullptr;  // ends a debugger's walk
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&ringway_begin);
  *--top = nullptr;                         // rbp
  *--top = nullptr;                         // rbx
  *--top = argument;                        // r12
  *--top = reinterpret_cast<void*>(entry);  // r13
  *--top = nullptr;                         // r14
  *--top = nullptr;                         // r15
  return top;
}

void switch_fiber(Suspended* from, Suspended to) {
  ringway_switch(from, to);
}

}  // namespace ringway::cpu
