#pragma once
#include "core/registry.h"

namespace ringway::cuda {

// What the registry lists: the CUDA backend, or the reason for its absence.
BackendEntry backend();

}  // namespace ringway::cuda
