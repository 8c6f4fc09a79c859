#pragma once
#include <memory>

#include "core/dispatch.h"

namespace ringway::cuda {

// `workers` is 0: a GPU has no such choice. Throws kInvalidOption otherwise.
std::unique_ptr<Dispatcher> open_dispatcher(u32 workers);

}  // namespace ringway::cuda
