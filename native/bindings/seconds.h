// Time-outs as Python callers name them.
#pragma once
#include <string>

#include "bindings/bindings.h"
#include "core/error.h"

namespace ringway::bindings {

constexpr double kForever = -1;

// As Python prints it.
inline std::string text_of(double number) {
  return py::str(py::float_(number)).cast<std::string>();
}

// Seconds that a caller names; None is `otherwise`.
inline double seconds_of(const py::object& timeout, double otherwise) {
  if (timeout.is_none()) return otherwise;
  double seconds = -1;
  if (PyFloat_Check(timeout.ptr())) {
    seconds = PyFloat_AS_DOUBLE(timeout.ptr());
  } else if (PyNumber_Check(timeout.ptr()) && !PyBool_Check(timeout.ptr())) {
    seconds = PyFloat_AsDouble(timeout.ptr());
    if (PyErr_Occurred()) {
      PyErr_Clear();
      seconds = -1;
    }
  }
  if (seconds >= 0) return seconds;
  throw Error(ErrorKind::kInvalidOption, "timeout is " + py::repr(timeout).cast<std::string>() +
                                             "; it must be 0 or more seconds, or None");
}

}  // namespace ringway::bindings
