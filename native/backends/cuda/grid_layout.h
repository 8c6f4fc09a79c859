// What the host hands to every entry of grid_kernels.cu.
#pragma once
#include "ringway/config.h"

namespace ringway {

// Threads of the grid on each axis: the first parameter. The arguments of the declaration follow.
struct GridThreads {
  u32 axes[3];
};
static_assert(sizeof(GridThreads) == 12, "as the kernels read it");

}  // namespace ringway
