// The part of the Metal standard library that compute kernels of ringway use, as C++17 for clang. Included before a
// translated source, in which the address spaces and attributes are gone.
#pragma once
#include "../../engine/abi.h"
// clang-format off: the order matters
#include "types.h"
#include "atomics.h"
#include "barriers.h"
#include "math.h"
#include "binding.h"
// clang-format on
