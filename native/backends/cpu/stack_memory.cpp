#include "backends/cpu/stack_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace ringway::cpu {
namespace {

std::size_t page() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

void* map_stack() {
  const std::size_t all = page() + kStackBytes;
  void* low = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (low == MAP_FAILED) throw std::bad_alloc();
  if (mprotect(low, page(), PROT_NONE) != 0) {
    munmap(low, all);
    throw std::bad_alloc();
  }
  return static_cast<char*>(low) + page();
}

void unmap_stack(void* stack) {
  munmap(static_cast<char*>(stack) - page(), page() + kStackBytes);
}

}  // namespace ringway::cpu
