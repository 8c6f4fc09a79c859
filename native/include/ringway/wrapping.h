// Integers wrap around, as NumPy's do; signed overflow would be undefined.
#pragma once
#include "config.h"

namespace ringway {

// The unsigned type in which T is reckoned; small ones would be promoted to int.
template <class T>
struct WrapsAs {
  typedef T Type;
};
template <>
struct WrapsAs<i8> {
  typedef u32 Type;
};
template <>
struct WrapsAs<u8> {
  typedef u32 Type;
};
template <>
struct WrapsAs<i16> {
  typedef u32 Type;
};
template <>
struct WrapsAs<u16> {
  typedef u32 Type;
};
template <>
struct WrapsAs<i32> {
  typedef u32 Type;
};
template <>
struct WrapsAs<i64> {
  typedef u64 Type;
};

template <class T>
RW_FN T add_wrapped(T a, T b) {
  typedef typename WrapsAs<T>::Type Wide;
  return T(Wide(a) + Wide(b));
}
template <class T>
RW_FN T subtract_wrapped(T a, T b) {
  typedef typename WrapsAs<T>::Type Wide;
  return T(Wide(a) - Wide(b));
}
template <class T>
RW_FN T multiply_wrapped(T a, T b) {
  typedef typename WrapsAs<T>::Type Wide;
  return T(Wide(a) * Wide(b));
}

}  // namespace ringway
