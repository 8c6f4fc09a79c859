#include "backends/cuda/backend.h"

#include "backends/cuda/dispatcher.h"
#include "backends/cuda/gpu.h"
#include "backends/cuda/ring_backend.h"

namespace ringway::cuda {

BackendEntry backend() {
  BackendEntry entry{"cuda", {}, {}};
  entry.make = &open_ring_backend;
  entry.open_dispatcher = &open_dispatcher;
  entry.fast_threads = false;
  entry.parallel = 16;         // a block each
  entry.most_elements = 4096;  // in a slice: between two of them the grid can leave
  entry.locked_memory = true;
  entry.probe = &why_no_gpu;
  return entry;
}

}  // namespace ringway::cuda
