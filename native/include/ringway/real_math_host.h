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
  return __builtin_fabsf(a);
}
RW_FN double magnitude(double a) {
  return __builtin_fabs(a);
}

#define RINGWAY_MATH(name, single, whole) \
  RW_FN float name(float a) {             \
    return single(a);                     \
  }                                       \
  RW_FN double name(double a) {           \
    return whole(a);                      \
  }
RINGWAY_MATH(sqrt, __builtin_sqrtf, __builtin_sqrt)
RINGWAY_MATH(exp, __builtin_expf, __builtin_exp)
RINGWAY_MATH(log, __builtin_logf, __builtin_log)
RINGWAY_MATH(sin, __builtin_sinf, __builtin_sin)
RINGWAY_MATH(cos, __builtin_cosf, __builtin_cos)
RINGWAY_MATH(tan, __builtin_tanf, __builtin_tan)
RINGWAY_MATH(tanh, __builtin_tanhf, __builtin_tanh)
RINGWAY_MATH(floor, __builtin_floorf, __builtin_floor)
RINGWAY_MATH(ceil, __builtin_ceilf, __builtin_ceil)
RINGWAY_MATH(trunc, __builtin_truncf, __builtin_trunc)
RW_FN float power(float a, float b) {
  return __builtin_powf(a, b);
}
RW_FN double power(double a, double b) {
  return __builtin_pow(a, b);
}
#undef RINGWAY_MATH

}  // namespace py
}  // namespace ringway
