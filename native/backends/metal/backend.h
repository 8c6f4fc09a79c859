#pragma once
#include "core/registry.h"

namespace ringway::metal {

// What the registry lists: the Metal backend, or the reason for its absence.
BackendEntry backend();

}  // namespace ringway::metal
