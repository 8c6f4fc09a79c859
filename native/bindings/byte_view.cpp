#include "bindings/byte_view.h"

#include <string>

#include "core/error.h"

namespace ringway::bindings {
namespace {

// Formats are as in Python's struct module, names of fields between colons.
bool has_objects(const char* format) {
  bool name = false;
  for (; format && *format; ++format) {
    if (*format == ':') name = !name;
    if (*format == 'O' && !name) return true;
  }
  return false;
}

[[noreturn]] void refuse(const char* argument, py::handle object, ByteView::Use use) {
  const char* const wanted = use == ByteView::Use::kWrite
                                 ? "a bytearray or other writable contiguous memory without objects"
                                 : "bytes, a bytearray or other contiguous memory";
  throw Error(ErrorKind::kTypeMismatch, std::string(argument) + " is " +
                                            py::repr(object).cast<std::string>() + "; it must be " + wanted);
}

}  // namespace

ByteView::ByteView(const char* argument, py::handle object, Use use) {
  const int flags = use == Use::kWrite ? PyBUF_WRITABLE | PyBUF_FORMAT | PyBUF_ND : PyBUF_SIMPLE;
  if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
    PyErr_Clear();
    refuse(argument, object, use);
  }
  if (use == Use::kWrite && has_objects(view_.format)) {
    PyBuffer_Release(&view_);
    refuse(argument, object, use);
  }
}

std::size_t ByteView::offset(py::handle number) const {
  const Py_ssize_t at = PyIndex_Check(number.ptr()) ? PyNumber_AsSsize_t(number.ptr(), nullptr) : -1;
  if (at >= 0 && std::size_t(at) <= size()) return std::size_t(at);
  PyErr_Clear();
  throw Error(ErrorKind::kInvalidOption, "offset is " + py::repr(number).cast<std::string>() +
                                             "; it must be a whole number, 0 to the " +
                                             std::to_string(size()) + " bytes given");
}

}  // namespace ringway::bindings
