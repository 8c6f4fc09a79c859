#include "softmetal/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

// The linker's names for where the program's code lies.
extern "C" const char __executable_start, etext;

namespace metal_test {
namespace {

std::atomic<long> counted{0};

void* take(std::size_t bytes, const void* caller) {
  const auto* const place = static_cast<const char*>(caller);
  if (place >= &__executable_start && place < &etext) counted.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes ? bytes : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

long allocations() {
  return counted;
}

}  // namespace metal_test

void* operator new(std::size_t bytes) {
  return metal_test::take(bytes, __builtin_return_address(0));
}
void* operator new[](std::size_t bytes) {
  return metal_test::take(bytes, __builtin_return_address(0));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
