#pragma once
#include <memory>

#include "core/dispatch.h"

namespace ringway::cpu {

// Dispatches on threads of its own, which sleep while there is nothing to run; `workers` 0 = the cores that the process
// may use.
std::unique_ptr<Dispatcher> open_dispatcher(u32 workers);

}  // namespace ringway::cpu
