// Python numbers as machine numbers, with the exact int and float types inlined.
#pragma once
#include <pybind11/pybind11.h>

#include <cmath>
#include <limits>
#include <string>

#include "codec/error.h"
#include "ringway/config.h"

namespace ringway::bindings {

namespace py = pybind11;

[[noreturn]] inline void wrong_type(PyObject* value, const char* expected) {
  throw codec::EncodeError(std::string("expected ") + expected + ", got " + Py_TYPE(value)->tp_name);
}

[[noreturn]] inline void out_of_range(PyObject* value, const char* type) {
  PyObject* text = PyObject_Str(value);
  if (!text) {  // for instance an int of more digits than Python prints
    PyErr_Clear();
    throw codec::EncodeError(std::string("the number does not fit ") + type);
  }
  throw codec::EncodeError(std::string(py::reinterpret_steal<py::str>(text)) + " does not fit " + type);
}

inline bool small_int(PyObject* value, long long* out) {
#if PY_VERSION_HEX >= 0x030C0000
  auto* number = reinterpret_cast<PyLongObject*>(value);
  if (!PyUnstable_Long_IsCompact(number)) return false;
  *out = PyUnstable_Long_CompactValue(number);
  return true;
#else
  Py_ssize_t digits = Py_SIZE(value);
  if (digits < -1 || digits > 1) return false;
  *out = digits * static_cast<long long>(reinterpret_cast<PyLongObject*>(value)->ob_digit[0]);
  if (digits == 0) *out = 0;
  return true;
#endif
}

// The int that a value stands for: itself, or what __index__ gives (NumPy integers).
inline py::object as_index(PyObject* value) {
  PyObject* index = PyNumber_Index(value);
  if (!index) {
    PyErr_Clear();
    wrong_type(value, "an integer");
  }
  return py::reinterpret_steal<py::object>(index);
}

inline long long to_i64(PyObject* value, const char* type) {
  long long small = 0;
  if (PyLong_Check(value)) {
    if (small_int(value, &small)) return small;
    int overflow = 0;
    small = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow) out_of_range(value, type);
    return small;
  }
  return to_i64(as_index(value).ptr(), type);
}

inline unsigned long long to_u64(PyObject* value, const char* type) {
  long long small = 0;
  if (PyLong_Check(value)) {
    if (small_int(value, &small)) {
      if (small < 0) out_of_range(value, type);
      return static_cast<unsigned long long>(small);
    }
    unsigned long long wide = PyLong_AsUnsignedLongLong(value);
    if (wide == static_cast<unsigned long long>(-1) && PyErr_Occurred()) {
      PyErr_Clear();
      out_of_range(value, type);
    }
    return wide;
  }
  return to_u64(as_index(value).ptr(), type);
}

template <class T>
T to_int(PyObject* value, const char* type) {
  long long wide = to_i64(value, type);
  if (wide < static_cast<long long>(std::numeric_limits<T>::min()) ||
      wide > static_cast<long long>(std::numeric_limits<T>::max()))
    out_of_range(value, type);
  return static_cast<T>(wide);
}

inline double to_f64(PyObject* value) {
  if (PyFloat_CheckExact(value)) return PyFloat_AS_DOUBLE(value);
  if (PyUnicode_Check(value)) wrong_type(value, "a number");
  double number = PyFloat_AsDouble(value);
  if (number == -1.0 && PyErr_Occurred()) {
    bool overflow = PyErr_ExceptionMatches(PyExc_OverflowError);
    PyErr_Clear();
    if (overflow) out_of_range(value, "float64");
    wrong_type(value, "a number");
  }
  return number;
}

inline float to_f32(PyObject* value, double number) {
  float narrow = static_cast<float>(number);
  if (std::isinf(narrow) && !std::isinf(number)) out_of_range(value, "float32");
  return narrow;
}

}  // namespace ringway::bindings
