// For processors without a switch of their own. Saves the signal mask too, by a call of the system.
#include <ucontext.h>

#include <cstdint>
#include <new>

#include "backends/cpu/fiber.h"

namespace ringway::cpu {
namespace {

struct Beginning {
  ucontext_t context;
  void (*entry)(void*);
  void* argument;
};

// makecontext passes ints, so that a pointer travels in two halves.
void begin(unsigned high, unsigned low) {
  auto* beginning = reinterpret_cast<Beginning*>(std::uintptr_t(high) << 32 | low);
  beginning->entry(beginning->argument);
}

}  // namespace

Suspended prepare_fiber(void* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
  const auto end = reinterpret_cast<std::uintptr_t>(stack) + bytes;
  const auto place = (end - sizeof(Beginning)) & ~std::uintptr_t(63);
  auto* beginning = new (reinterpret_cast<void*>(place)) Beginning;
  beginning->entry = entry;
  beginning->argument = argument;
  getcontext(&beginning->context);
  beginning->context.uc_stack.ss_sp = stack;
  beginning->context.uc_stack.ss_size = place - reinterpret_cast<std::uintptr_t>(stack);
  beginning->context.uc_link = nullptr;
  makecontext(&beginning->context, reinterpret_cast<void (*)()>(&begin), 2, unsigned(place >> 32),
              unsigned(place));
  return &beginning->context;
}

void switch_fiber(Suspended* from, Suspended to) {
  ucontext_t here;
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}

}  // namespace ringway::cpu
