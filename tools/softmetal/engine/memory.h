#pragma once
#include <cstddef>
#include <string>

namespace softmetal {

// The memory of a buffer. It ends within 256 bytes of a page that must not be touched; the bytes around it, up to the
// next pages, are filled, so that a write to them is found later. Under AddressSanitizer they may not be touched at all.
// The guards are wide, since the threads of a grid that is too large reach far beyond the end.
class Memory {
 public:
  static constexpr size_t kAlign = 256;
  static constexpr size_t kGuard = 64 << 20;  // bytes on each side that fault; addresses only

  // Zero bytes, or 0xFF where `poisoned`. data() is null where there is no memory.
  Memory(size_t length, bool poisoned);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  char* data() const { return data_; }
  // What has been written to outside the buffer: "the 4 bytes after its end", or nothing.
  std::string damage() const;

 private:
  char* begin_ = nullptr;  // of what may be touched
  char* data_ = nullptr;
  size_t length_, body_ = 0;
};

}  // namespace softmetal
