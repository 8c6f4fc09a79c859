// One array of a binary file, filled from chunks. Room is made as bytes arrive, so that a length which the
// file does not hold costs nothing.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/graph/array.h"

namespace ringway {

template <class T>
class Section {
 public:
  Section() = default;
  explicit Section(std::uint64_t count) : count_(count) {}

  bool complete() const { return bytes_ == count_ * sizeof(T); }
  std::uint64_t missing() const { return count_ * sizeof(T) - bytes_; }

  // Takes what it needs from the front of the chunk.
  void fill(std::string_view* chunk) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(missing(), chunk->size()));
    if (bytes_ + size > data_.size() * sizeof(T)) grow(bytes_ + size);
    if (size > 0) std::memcpy(reinterpret_cast<char*>(data_.data()) + bytes_, chunk->data(), size);
    bytes_ += size;
    chunk->remove_prefix(size);
  }

  std::string_view bytes() const { return {reinterpret_cast<const char*>(data_.data()), bytes_}; }
  Array<T> release() { return std::move(data_); }

 private:
  // Doubles; the last step makes exactly the room that the whole needs.
  void grow(std::uint64_t bytes) {
    const std::uint64_t wanted = std::max<std::uint64_t>({bytes / sizeof(T) + 1, data_.size() * 2, 1 << 16});
    Array<T> larger(std::min(wanted, count_));
    if (bytes_ > 0) std::memcpy(larger.data(), data_.data(), bytes_);
    data_ = std::move(larger);
  }

  Array<T> data_;
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace ringway
