#include "core/graph/plan_order.h"

#include <algorithm>
#include <numeric>

namespace ringway {
namespace {

constexpr std::uint64_t kNodeCost = 3;  // of an iteration, in edges

// Incoming edges per node, from a sample of the edges where they are many.
class Load {
 public:
  explicit Load(const Graph& graph) : count_(graph.num_nodes()) {
    constexpr std::uint64_t kSample = 1 << 21;
    const auto targets = graph.targets();
    stride_ = std::max<std::uint64_t>(1, targets.size() / kSample);
    for (std::uint64_t e = stride_ / 2; e < targets.size(); e += stride_) ++count_[targets[e]];
  }
  std::uint64_t operator[](std::uint32_t node) const { return kNodeCost + count_[node] * stride_; }

 private:
  std::vector<std::uint32_t> count_;
  std::uint64_t stride_;
};

// Nodes by falling out-degree, equal ones by number; degrees from 65,536 up count as equal.
std::vector<std::uint32_t> by_degree(const Graph& graph) {
  constexpr std::uint64_t kTop = 1 << 16;
  std::vector<std::uint32_t> begin(kTop + 2);
  const std::uint32_t nodes = graph.num_nodes();
  const auto key = [&](std::uint32_t v) { return kTop - std::min(graph.out_degree(v), kTop); };
  for (std::uint32_t v = 0; v < nodes; ++v) ++begin[key(v) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<std::uint32_t> order(nodes);
  for (std::uint32_t v = 0; v < nodes; ++v) order[begin[key(v)]++] = v;
  return order;
}

// Whether one node in sixteen gives more than half of the edges.
bool skewed(const Graph& graph, const std::vector<std::uint32_t>& order) {
  std::uint64_t edges = 0;
  for (std::uint32_t i = 0; i < order.size() / 16; ++i) edges += graph.out_degree(order[i]);
  return edges > graph.num_edges() / 2;
}

// Ranges of node numbers, cut where a shard has its share of the load.
PlanOrder cut(const Graph& graph, std::uint32_t shards) {
  const std::uint32_t nodes = graph.num_nodes();
  if (shards == 1) return {{nodes}, {}};
  const Load load(graph);
  std::uint64_t total = 0;
  for (std::uint32_t v = 0; v < nodes; ++v) total += load[v];
  PlanOrder order{std::vector<std::uint32_t>(shards), {}};
  std::uint64_t sum = 0;
  std::uint32_t begin = 0, shard = 0;
  for (std::uint32_t v = 0; v < nodes; ++v) {
    sum += load[v];
    if (shard + 1 < shards && sum >= total / shards * (shard + 1)) {
      order.sizes[shard++] = v + 1 - begin;
      begin = v + 1;
    }
  }
  order.sizes[shard] = nodes - begin;
  return order;
}

// Each node, the one with most outgoing edges first, to the shard with least load: every shard gets its share
// of hubs and of the rest.
PlanOrder deal(const Graph& graph, const std::vector<std::uint32_t>& by, std::uint32_t shards) {
  PlanOrder order{std::vector<std::uint32_t>(shards), std::vector<std::uint32_t>(by.size())};
  if (shards == 1) {
    order.sizes[0] = graph.num_nodes();
    for (std::uint32_t i = 0; i < by.size(); ++i) order.positions[by[i]] = i;
    return order;
  }
  const Load load(graph);
  std::vector<std::uint64_t> sum(shards);
  std::vector<std::uint8_t> home(by.size());
  for (const std::uint32_t v : by) {
    const auto least = static_cast<std::uint8_t>(std::min_element(sum.begin(), sum.end()) - sum.begin());
    sum[least] += load[v];
    home[v] = least;
    ++order.sizes[least];
  }
  std::vector<std::uint32_t> next(shards);
  std::exclusive_scan(order.sizes.begin(), order.sizes.end(), next.begin(), 0U);
  for (const std::uint32_t v : by) order.positions[v] = next[home[v]]++;
  return order;
}

}  // namespace

PlanOrder order_nodes(const Graph& graph, const PageRankPlan::Options& options) {
  if (options.order == PageRankPlan::Order::kAsIs) return cut(graph, options.shards);
  if (options.order == PageRankPlan::Order::kAuto && graph.num_nodes() <= options.block_nodes) {
    return cut(graph, options.shards);
  }
  const std::vector<std::uint32_t> by = by_degree(graph);
  if (options.order == PageRankPlan::Order::kAuto && !skewed(graph, by)) return cut(graph, options.shards);
  return deal(graph, by, options.shards);
}

}  // namespace ringway
