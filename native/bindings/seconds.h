// Time-outs as Python callers name them.
#pragma once
#include <optional>
#include <string>

#include "bindings/bindings.h"
#include "core/error.h"

namespace ringway::bindings {

constexpr double kForever = -1;

// As Python prints it.
inline std::string text_of(double number) {
  return py::str(py::float_(number)).cast<std::string>();
}

// Seconds that a caller names; None: what the call is made on has a default.
inline std::optional<double> seconds_of(const py::object& timeout) {
  if (timeout.is_none()) return std::nullopt;
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

// For waits without a default.
inline double seconds_or_forever(const py::object& timeout) {
  return seconds_of(timeout).value_or(kForever);
}

}  // namespace ringway::bindings
