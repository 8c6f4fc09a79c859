// In which order kernels end, so that what one sends by a link still finds the other.
#pragma once
#include <utility>
#include <vector>

#include "ringway/config.h"

namespace ringway {

// Cuts the nodes 0 to `nodes` - 1 into groups: sources before targets, nodes on a cycle together, nodes without links
// in order of their numbers. `links` are pairs (source, target).
std::vector<std::vector<u32>> in_link_order(u32 nodes, const std::vector<std::pair<u32, u32>>& links);

}  // namespace ringway
