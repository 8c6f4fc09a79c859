// Where encoded bytes go: a fixed span, or a buffer that grows from the stack into a bytes object.
#pragma once
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/error.h"
#include "ringway/config.h"

namespace ringway::bindings {

namespace py = pybind11;

class Output {
 public:
  // Into `room` bytes; what does not fit is counted and dropped.
  Output(u8* out, std::size_t room) : at_(out), begin_(out), end_(out + room), fixed_(true) {}
  Output() : at_(local_), begin_(local_), end_(local_ + sizeof local_), fixed_(false) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { Py_XDECREF(bytes_); }

  u8* take(std::size_t n) {
    if (std::size_t(end_ - at_) < n) [[unlikely]]
      make_room(n);
    u8* from = at_;
    at_ += n;
    return from;
  }
  // Undoes the last take(n).
  void give_back(std::size_t n) { at_ -= n; }
  void put(const void* from, std::size_t n) {
    if (n) std::memcpy(take(n), from, n);
  }
  template <class T>
  void put_word(T value) {
    std::memcpy(take(sizeof value), &value, sizeof value);
  }

  std::size_t size() const { return counted_ + std::size_t(at_ - begin_); }
  const u8* data() const { return begin_; }

  py::object to_bytes() {
    std::size_t n = size();
    if (!bytes_) {
      PyObject* copy = PyBytes_FromStringAndSize(reinterpret_cast<const char*>(begin_), Py_ssize_t(n));
      if (!copy) throw py::error_already_set();
      return py::reinterpret_steal<py::object>(copy);
    }
    if (_PyBytes_Resize(&bytes_, Py_ssize_t(n)) != 0) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(std::exchange(bytes_, nullptr));
  }

 private:
  void make_room(std::size_t n) {
    if (fixed_) {
      // The rest is only counted: each piece is written over the one before.
      counted_ += std::size_t(at_ - begin_);
      spill_.resize(std::max<std::size_t>(n, 4096));
      begin_ = at_ = spill_.data();
      end_ = begin_ + spill_.size();
      return;
    }
    std::size_t used = size(), wanted = std::max(used + n, bytes_ ? used * 2 : used + n + 256);
    if (bytes_) {
      if (_PyBytes_Resize(&bytes_, Py_ssize_t(wanted)) != 0) throw py::error_already_set();
    } else {
      bytes_ = PyBytes_FromStringAndSize(nullptr, Py_ssize_t(wanted));
      if (!bytes_) throw py::error_already_set();
      std::memcpy(PyBytes_AS_STRING(bytes_), begin_, used);
    }
    begin_ = reinterpret_cast<u8*>(PyBytes_AS_STRING(bytes_));
    at_ = begin_ + used;
    end_ = begin_ + wanted;
  }

  u8 *at_, *begin_, *end_;
  bool fixed_;
  std::size_t counted_ = 0;
  PyObject* bytes_ = nullptr;
  std::vector<u8> spill_;
  u8 local_[1024];
};

}  // namespace ringway::bindings
