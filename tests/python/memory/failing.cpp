// To be preloaded: operator new, mmap and pthread_create that fail when they are told to.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// Smaller ones are pybind11's own, of its tables, which it does not survive; and a system that is short of memory has
// those left.
constexpr std::size_t kLeast = 96;

std::atomic<long> left{-1};    // allocations until one fails; below 0: none fails
std::atomic<long> failed{0};   // how many have
std::atomic<int> scope{0};     // 0: of the thread that armed; 1: of all others
std::atomic<bool> all{false};  // from then on every one fails
std::atomic<pthread_t> caller;

bool fails() {
  if (left.load() < 0 || (pthread_equal(caller.load(), pthread_self()) != 0) != (scope.load() == 0))
    return false;
  const long now = left.fetch_sub(1);
  if (now > 0) return false;
  if (all.load()) left.store(0);
  if (now == 0 || all.load()) {
    ++failed;
    return true;
  }
  return false;
}

void* take(std::size_t bytes, std::size_t alignment) {
  if (bytes >= kLeast && fails()) return nullptr;
  if (bytes == 0) bytes = 1;
  if (alignment <= 16) return std::malloc(bytes);
  void* made = nullptr;
  return posix_memalign(&made, alignment, bytes) == 0 ? made : nullptr;
}

void* take_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* made = take(bytes, alignment)) return made;
  throw std::bad_alloc();
}

}  // namespace

extern "C" {

// After `n` allocations of that scope the next one fails, or with `every` all from then on.
void failing_arm(long n, int of, int every) {
  caller.store(pthread_self());
  failed.store(0);
  scope.store(of);
  all.store(every != 0);
  left.store(n);
}
long failing_disarm() {
  left.store(-1);
  return failed.load();
}

void* mmap(void* at, size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  using Mmap = void* (*)(void*, size_t, int, int, int, off_t);
  static const auto next = reinterpret_cast<Mmap>(dlsym(RTLD_NEXT, "mmap"));
  if (fails()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return next(at, bytes, protection, flags, descriptor, offset);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return fails() ? EAGAIN : next(thread, attributes, body, argument);
}
}

void* operator new(std::size_t bytes) {
  return take_or_throw(bytes, 0);
}
void* operator new[](std::size_t bytes) {
  return take_or_throw(bytes, 0);
}
void* operator new(std::size_t bytes, std::align_val_t to) {
  return take_or_throw(bytes, std::size_t(to));
}
void* operator new[](std::size_t bytes, std::align_val_t to) {
  return take_or_throw(bytes, std::size_t(to));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return take(bytes, 0);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return take(bytes, 0);
}
void operator delete(void* at) noexcept {
  std::free(at);
}
void operator delete[](void* at) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}
void operator delete[](void* at, std::size_t) noexcept {
  std::free(at);
}
void operator delete(void* at, std::align_val_t) noexcept {
  std::free(at);
}
void operator delete[](void* at, std::align_val_t) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t, std::align_val_t) noexcept {
  std::free(at);
}
void operator delete[](void* at, std::size_t, std::align_val_t) noexcept {
  std::free(at);
}
