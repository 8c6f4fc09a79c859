// What stands in for the Metal backend where it is not built: the same symbol, and the reason.
#include "backends/metal/backend.h"

namespace ringway::metal {

BackendEntry backend() {
  BackendEntry entry{"metal", RINGWAY_METAL_ABSENT, {}};
  entry.float64 = false;
  return entry;
}

}  // namespace ringway::metal
