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
  entry.fast_threads = false;
  entry.parallel = 16;         // a group each; every GPU that is supported runs as many
  entry.most_elements = 4096;  // in a slice, which should not keep the GPU for long
  entry.probe = &why_no_gpu;
  return entry;
}

}  // namespace ringway::metal
