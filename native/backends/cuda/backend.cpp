#include "backends/cuda/backend.h"

#include "backends/cuda/dispatcher.h"
#include "backends/cuda/gpu.h"

namespace ringway::cuda {

BackendEntry backend() {
  BackendEntry entry{"cuda", {}, {}};
  entry.open_dispatcher = &open_dispatcher;
  entry.probe = &why_no_gpu;
  return entry;
}

}  // namespace ringway::cuda
