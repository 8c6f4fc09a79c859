#pragma once
#include <cstddef>
#include <stdexcept>
#include <string>

namespace ringway::codec {

// Bytes that are not a value of the schema. `offset` is where reading stopped.
class DecodeError : public std::runtime_error {
 public:
  DecodeError(std::size_t offset, const std::string& reason);
  std::size_t offset() const { return offset_; }

 private:
  std::size_t offset_;
};

}  // namespace ringway::codec
