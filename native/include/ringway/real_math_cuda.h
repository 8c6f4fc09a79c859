#pragma once
#include "config.h"

namespace ringway {
namespace py {

RW_FN float infinity() {
  return __builtin_inff();
}
RW_FN float not_a_number() {
  return __builtin_nanf("");
}
RW_FN float magnitude(float a) {
  return ::fabsf(a);
}
RW_FN double magnitude(double a) {
  return ::fabs(a);
}

#define RINGWAY_MATH(name)      \
  RW_FN float name(float a) {   \
    return ::name##f(a);        \
  }                             \
  RW_FN double name(double a) { \
    return ::name(a);           \
  }
RINGWAY_MATH(sqrt)
RINGWAY_MATH(exp)
RINGWAY_MATH(log)
RINGWAY_MATH(sin)
RINGWAY_MATH(cos)
RINGWAY_MATH(tan)
RINGWAY_MATH(tanh)
RINGWAY_MATH(floor)
RINGWAY_MATH(ceil)
RINGWAY_MATH(trunc)
#undef RINGWAY_MATH
RW_FN float power(float a, float b) {
  return ::powf(a, b);
}
RW_FN double power(double a, double b) {
  return ::pow(a, b);
}

}  // namespace py
}  // namespace ringway
