// Memory that AddressSanitizer must not see touched; nothing without it.
#pragma once
#include <cstddef>

#ifdef SOFTMETAL_ASAN
extern "C" {
void __asan_poison_memory_region(const volatile void*, size_t);
void __asan_unpoison_memory_region(const volatile void*, size_t);
}
#endif

namespace softmetal {

#ifdef SOFTMETAL_ASAN
constexpr bool kAsan = true;
inline void forbid(const void* p, size_t n) {
  __asan_poison_memory_region(p, n);
}
inline void permit(const void* p, size_t n) {
  __asan_unpoison_memory_region(p, n);
}
#else
constexpr bool kAsan = false;
inline void forbid(const void*, size_t) {}
inline void permit(const void*, size_t) {}
#endif

}  // namespace softmetal
