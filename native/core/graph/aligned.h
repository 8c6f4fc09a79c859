// Memory on a page boundary that is not touched until it is written, so that room for the worst case costs
// nothing.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace ringway {

class AlignedBytes {
 public:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t size) : size_(size) {
    const std::size_t alignment = size < kHugePage ? kPage : kHugePage;
    const std::size_t rounded = (size + alignment) / alignment * alignment;
    data_.reset(static_cast<unsigned char*>(std::aligned_alloc(alignment, rounded)));
    if (!data_) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    // Contributions are read at random, and ordinary pages would need more of the processor's page table cache
    // than there is. A kernel without huge pages refuses, which changes nothing else.
    if (alignment == kHugePage) madvise(data_.get(), rounded, MADV_HUGEPAGE);
#endif
  }

  unsigned char* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(unsigned char* memory) const { std::free(memory); }
  };
  std::unique_ptr<unsigned char, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace ringway
