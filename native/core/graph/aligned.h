// Memory on a page boundary that is not touched until it is written, so that room for the worst case costs
// nothing.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace ringway {

class AlignedBytes {
 public:
  static constexpr std::size_t kAlignment = 4096;

  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t size)
      : data_(static_cast<unsigned char*>(
            std::aligned_alloc(kAlignment, (size + kAlignment) / kAlignment * kAlignment))),
        size_(size) {
    if (!data_) throw std::bad_alloc();
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
