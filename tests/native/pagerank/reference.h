// PageRank by another method: serial push over the edge list in double, no plan, no blocks.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "core/graph/graph.h"
#include "core/graph/plan.h"

namespace ringway::testing {

inline std::vector<double> normalized(std::span<const double> values, std::uint32_t nodes) {
  std::vector<double> out(nodes, 1.0 / nodes);
  double sum = 0;
  for (const double value : values) sum += value;
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = values[i] / sum;
  return out;
}

inline std::vector<double> push_ranks(const Graph& graph, bool weighted, const PageRankWork::Start& start,
                                      int iterations) {
  const std::uint32_t nodes = graph.num_nodes();
  std::vector<double> rank = normalized(start.ranks, nodes);
  const std::vector<double> jump = normalized(start.personalization, nodes);
  const std::vector<double> leak = start.dangling.empty() ? jump : normalized(start.dangling, nodes);
  for (int it = 0; it < iterations; ++it) {
    std::vector<double> next(nodes, 0.0);
    double lost = 0;
    for (std::uint32_t v = 0; v < nodes; ++v) {
      const std::uint64_t begin = graph.offsets()[v], end = graph.offsets()[v + 1];
      double total = 0;
      for (std::uint64_t e = begin; e < end; ++e) total += weighted ? graph.weights()[e] : 1.0;
      if (total == 0) lost += rank[v];
      for (std::uint64_t e = begin; e < end && total > 0; ++e) {
        next[graph.targets()[e]] += rank[v] * (weighted ? graph.weights()[e] : 1.0) / total;
      }
    }
    for (std::uint32_t v = 0; v < nodes; ++v) {
      next[v] = start.damping * (next[v] + lost * leak[v]) + (1 - start.damping) * jump[v];
    }
    rank = next;
  }
  return rank;
}

// Skewed towards low numbers, with self-loops, parallel edges, and nodes that have no edge at all.
inline Graph::Ptr random_graph(std::uint32_t nodes, std::uint64_t edges, bool weighted, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint32_t> src, dst;
  std::vector<double> weight;
  std::uniform_real_distribution<double> real(0.0, 1.0);
  const auto draw = [&](double power) {
    return static_cast<std::uint32_t>(std::pow(real(random), power) * nodes);
  };
  for (std::uint64_t e = 0; e < edges; ++e) {
    src.push_back(draw(3.0) * 7 % nodes);
    dst.push_back(draw(1.5));
    if (weighted) weight.push_back(real(random) < 0.1 ? 0.0 : real(random) * 5);
  }
  return Graph::from_edges(EdgeSpan{src, dst, weight}, nodes);
}

}  // namespace ringway::testing
