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

// A value that does not fit its schema. Each level that it passes on its way out puts its name before the
// path.
class EncodeError : public std::exception {
 public:
  explicit EncodeError(std::string reason);
  void within(const std::string& name);
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string path_, reason_, text_;
};

}  // namespace ringway::codec
