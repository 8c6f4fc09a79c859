// Not the fast variants, whatever the library is compiled with.
#pragma once
#include "config.h"

namespace ringway {
namespace py {

RW_FN float infinity() {
  return as_type<float>(0x7f800000u);
}
RW_FN float not_a_number() {
  return as_type<float>(0x7fc00000u);
}
RW_FN float magnitude(float a) {
  return metal::fabs(a);
}

#define RINGWAY_MATH(name)          \
  RW_FN float name(float a) {       \
    return metal::precise::name(a); \
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
  return metal::precise::pow(a, b);
}

}  // namespace py
}  // namespace ringway
