// Which shard and position each node gets.
#pragma once
#include <cstdint>
#include <vector>

#include "core/graph/plan.h"

namespace ringway {

struct PlanOrder {
  std::vector<std::uint32_t> sizes;      // nodes per shard
  std::vector<std::uint32_t> positions;  // per node; empty when each is at its own number
};

// Shards of near-equal work; nodes in the graph's order or by falling out-degree.
PlanOrder order_nodes(const Graph& graph, const PageRankPlan::Options& options);

}  // namespace ringway
