#pragma once
#include <memory>

#include "core/backend.h"

namespace ringway::metal {

// Ring kernels on the GPU; `workers` = 0: as many as there may be.
std::unique_ptr<Backend> open_ring_backend(const HostServices& services, u32 workers);

}  // namespace ringway::metal
