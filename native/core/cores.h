#pragma once

namespace ringway {

// Cores that this process may use: its affinity mask, bounded by the quota of its control group; at least 1.
unsigned usable_cores();

}  // namespace ringway
