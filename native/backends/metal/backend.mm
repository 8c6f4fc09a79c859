#include "backends/metal/backend.h"

#include "backends/metal/dispatcher.h"
#include "backends/metal/gpu.h"

namespace ringway::metal {

BackendEntry backend() {
  BackendEntry entry{"metal", {}, {}};
  entry.open_dispatcher = &open_dispatcher;
  entry.probe = &why_no_gpu;
  return entry;
}

}  // namespace ringway::metal
