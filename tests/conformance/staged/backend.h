#pragma once
#include "core/registry.h"

namespace ringway::staged {

// The CPU's kernels as a device would have them that shares no memory with the host: reached by pumped bridges alone,
// run by no waiting caller, without the dispatch level. It shows what adding a backend takes.
BackendEntry backend();

}  // namespace ringway::staged
