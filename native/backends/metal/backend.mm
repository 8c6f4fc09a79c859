#include "backends/metal/backend.h"

#include "backends/metal/dispatcher.h"
#include "backends/metal/gpu.h"
#include "backends/metal/ring_backend.h"

namespace ringway::metal {

BackendEntry backend() {
  BackendEntry entry{"metal", {}, {}};
  entry.make = &open_ring_backend;
  entry.open_dispatcher = &open_dispatcher;
  entry.float64 = false;
  entry.probe = &why_no_gpu;
  return entry;
}

}  // namespace ringway::metal
