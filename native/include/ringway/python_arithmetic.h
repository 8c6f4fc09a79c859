// Python's arithmetic, the same bits on every processor. Integers wrap; a failed check sets `failed`, and its value is 0.
#pragma once
#include "real_math.h"
#include "wrapping.h"

namespace ringway {
namespace py {

enum Failed : u32 { kFine = 0, kIndexFailed = 1, kZeroFailed = 2 };

template <class T>
RW_FN T negate(T a) {
  return subtract_wrapped(T(0), a);
}

// Counted from the end when negative.
RW_FN i64 index(i64 i, i64 n, RW_PRIVATE u32& failed) {
  if (i < 0) i += n;
  if (u64(i) < u64(n)) return i;
  failed |= kIndexFailed;
  return 0;
}

template <class T>
RW_FN T floor_divide(T a, T b, RW_PRIVATE u32& failed) {
  if (b == 0) {
    failed |= kZeroFailed;
    return 0;
  }
  if (b < 0 && b == T(-1)) return negate(a);  // the least number has no positive partner
  const T quotient = T(a / b);
  return T(a % b) != 0 && (a < 0) != (b < 0) ? T(quotient - 1) : quotient;
}
template <class T>
RW_FN T modulo(T a, T b, RW_PRIVATE u32& failed) {
  if (b == 0) {
    failed |= kZeroFailed;
    return 0;
  }
  if (b < 0 && b == T(-1)) return 0;
  const T rest = T(a % b);
  return rest != 0 && (rest < 0) != (b < 0) ? T(rest + b) : rest;
}

// Shifts by the width or more give what Python gives, but for the bits that do not fit; by less than 0 they fail.
template <class T>
RW_FN T shift_left(T a, i64 by, RW_PRIVATE u32& failed) {
  typedef typename WrapsAs<T>::Type U;
  if (by < 0) {
    failed |= kIndexFailed;
    return 0;
  }
  return by >= i64(sizeof(T) * 8) ? T(0) : T(U(u64(U(a)) << by));
}
template <class T>
RW_FN T shift_right(T a, i64 by, RW_PRIVATE u32& failed) {
  if (by < 0) {
    failed |= kIndexFailed;
    return 0;
  }
  return by >= i64(sizeof(T) * 8) ? T(a < 0 ? -1 : 0) : T(a >> by);
}

template <class T>
RW_FN T least(T a, T b) {
  return b < a ? b : a;
}
template <class T>
RW_FN T greatest(T a, T b) {
  return b > a ? b : a;
}
// Of n numbers in a row, at least one; the pointer's type is deduced, since it says in which memory they lie.
template <class T, class Values>
RW_FN T least_of(Values values, i64 n) {
  T found = values[0];
  for (i64 i = 1; i < n; ++i) found = least<T>(found, values[i]);
  return found;
}
template <class T, class Values>
RW_FN T greatest_of(Values values, i64 n) {
  T found = values[0];
  for (i64 i = 1; i < n; ++i) found = greatest<T>(found, values[i]);
  return found;
}
template <class T, class Values>
RW_FN bool contains(Values values, i64 n, T wanted) {
  for (i64 i = 0; i < n; ++i)
    if (T(values[i]) == wanted) return true;
  return false;
}
template <class T>
RW_FN T magnitude(T a) {
  return a < 0 ? negate(a) : a;
}
// From floating point towards zero, to the nearest number that T holds; NaN becomes 0.
template <class T, class F>
RW_FN T truncate(F value) {
  const F least_value = T(-1) < T(0) ? -F(u64(1) << (sizeof(T) * 8 - 1)) : F(0);
  const F beyond = T(-1) < T(0) ? -least_value : F(u64(1) << (sizeof(T) * 8 - 1)) * 2;
  if (value != value) return 0;
  if (value <= least_value) return T(-1) < T(0) ? T(u64(1) << (sizeof(T) * 8 - 1)) : T(0);
  if (value >= beyond) return T(-1) < T(0) ? T((u64(1) << (sizeof(T) * 8 - 1)) - 1) : T(~u64(0));
  return T(value);
}

}  // namespace py
}  // namespace ringway
