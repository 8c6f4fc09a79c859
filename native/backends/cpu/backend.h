#pragma once
#include "core/registry.h"

namespace ringway::cpu {

// Ring kernels on a pool of threads; always present.
BackendEntry backend();

}  // namespace ringway::cpu
