// What stands in for the CUDA backend where it is not built: the same symbol, and the reason.
#include "backends/cuda/backend.h"

namespace ringway::cuda {

BackendEntry backend() {
  return {"cuda", RINGWAY_CUDA_ABSENT, {}};
}

}  // namespace ringway::cuda
