#pragma once
#include <memory>

#include "core/backend.h"

namespace ringway::cuda {

std::unique_ptr<Backend> open_ring_backend(const HostServices& services, u32 workers);

}  // namespace ringway::cuda
