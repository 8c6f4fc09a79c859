// Plain numbers to their wire bytes without the general path.
#pragma once
#include <cmath>
#include <cstring>
#include <limits>

#include "bindings/codec_numbers.h"
#include "bindings/codec_types.h"

namespace ringway::bindings {

template <class T>
void store(u8* out, T value) {
  std::memcpy(out, &value, sizeof value);
}

template <class T> bool quick_int(PyObject* value, u8* out) {
  long long number = 0;
  if (!PyLong_Check(value) || !small_int(value, &number) ||
      number != static_cast<long long>(static_cast<T>(number)))
    return false;
  store(out, static_cast<T>(number));
  return true;
}

// Plain ints and floats, which run no Python code and need no reference of their own; false leaves the value to image().
[[gnu::always_inline]] inline bool quick(const codec::Type& type, PyObject* value, u8* out) {
  if (type.style != kNative && type.style != kEnum) return false;
  long long number = 0;
  switch (type.kind) {
    case codec::Kind::kBool: *out = value == Py_True; return value == Py_True || value == Py_False;
    case codec::Kind::kU8: return quick_int<unsigned char>(value, out);
    case codec::Kind::kI32: return quick_int<i32>(value, out);
    case codec::Kind::kU32: return quick_int<u32>(value, out);
    case codec::Kind::kI64:
      if (!PyLong_Check(value) || !small_int(value, &number)) return false;
      store(out, number);
      return true;
    case codec::Kind::kU64:
      if (!PyLong_Check(value) || !small_int(value, &number) || number < 0) return false;
      store(out, number);
      return true;
    case codec::Kind::kF32: {
      if (!PyFloat_CheckExact(value)) return false;
      double wide = PyFloat_AS_DOUBLE(value);
      if (!(std::fabs(wide) <= double(std::numeric_limits<float>::max()))) return false;
      store(out, float(wide));
      return true;
    }
    case codec::Kind::kF64:
      if (!PyFloat_CheckExact(value)) return false;
      store(out, PyFloat_AS_DOUBLE(value));
      return true;
    default: return false;
  }
}

}  // namespace ringway::bindings
