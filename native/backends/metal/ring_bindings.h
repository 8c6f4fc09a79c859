// What the host binds for ring kernels, against what their pipelines expect.
#pragma once
#include "backends/metal/library.h"

namespace ringway::metal {

// Both throw kBackendUnavailable: a parameter of another name, place or size, a missing one, or one more.
//
// The eight of a slice: slots, head and tail of the mailbox, the same of the queue to the host, control, capacity.
void check_ring_kernel(const Pipeline& pipeline);
// The two of the boundary: arena and plan.
void check_ring_boundary(const Pipeline& pipeline);

}  // namespace ringway::metal
