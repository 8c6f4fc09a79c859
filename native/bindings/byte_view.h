// The memory of a bytes-like object that a caller gives, for the length of a call.
#pragma once
#include <cstddef>

#include "bindings/bindings.h"
#include "ringway/config.h"

namespace ringway::bindings {

class ByteView {
 public:
  enum class Use { kRead, kWrite };
  // Throws kTypeMismatch, naming `argument`, when the object has no contiguous memory for that use. Memory that holds
  // references to Python objects is never written.
  ByteView(const char* argument, py::handle object, Use use);
  ~ByteView() { PyBuffer_Release(&view_); }
  ByteView(const ByteView&) = delete;
  ByteView& operator=(const ByteView&) = delete;

  u8* data() const { return static_cast<u8*>(view_.buf); }
  std::size_t size() const { return static_cast<std::size_t>(view_.len); }
  // A position in it. Throws kInvalidOption unless it is a whole number from 0 to size().
  std::size_t offset(py::handle number) const;

 private:
  Py_buffer view_{};
};

}  // namespace ringway::bindings
