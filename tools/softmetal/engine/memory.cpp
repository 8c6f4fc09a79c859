#include "engine/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "engine/asan.h"

namespace softmetal {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kAround = 2 * Memory::kGuard;
constexpr unsigned char kFilling = 0xA5;

}  // namespace

Memory::Memory(size_t length, bool poisoned) : length_(length) {
  body_ = (length + kPage - 1) & ~(kPage - 1);
  if (body_ < length || body_ + kAround < body_) return;
  void* low = mmap(nullptr, body_ + kAround, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (low == MAP_FAILED) return;
  begin_ = static_cast<char*>(low) + kGuard;
  if (mprotect(begin_, body_, PROT_READ | PROT_WRITE)) {
    munmap(low, body_ + kAround);
    begin_ = nullptr;
    return;
  }
  data_ = begin_ + ((body_ - length) & ~(kAlign - 1));
  std::memset(begin_, kFilling, static_cast<size_t>(data_ - begin_));
  std::memset(data_ + length, kFilling, static_cast<size_t>(begin_ + body_ - data_) - length);
  if (poisoned) std::memset(data_, 0xFF, length);
  forbid(begin_ - kPage, static_cast<size_t>(data_ - begin_) + kPage);
  forbid(data_ + length, static_cast<size_t>(begin_ + body_ - data_) - length + kPage);
}

Memory::~Memory() {
  if (!begin_) return;
  permit(begin_ - kPage, body_ + 2 * kPage);
  munmap(begin_ - kGuard, body_ + kAround);
}

std::string Memory::damage() const {
  if (kAsan) return "";
  for (const char* p = data_ - 1; p >= begin_; --p)
    if (static_cast<unsigned char>(*p) != kFilling)
      return std::to_string(data_ - p) + " bytes before its begin";
  for (const char* p = data_ + length_; p < begin_ + body_; ++p)
    if (static_cast<unsigned char>(*p) != kFilling)
      return std::to_string(p - (data_ + length_)) + " bytes past its end";
  return "";
}

}  // namespace softmetal
