// A directed graph, immutable once made and shared by pointer: outgoing edges by source (CSR), optional
// weights, optional labels. Edges of one source keep the order they were given in; parallel edges and
// self-loops are kept.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/graph/array.h"
#include "core/graph/labels.h"
#include "core/graph/limits.h"

namespace ringway {

// Edges given as parallel arrays; weight is empty or as long as the others.
struct EdgeSpan {
  std::span<const std::uint32_t> src;
  std::span<const std::uint32_t> dst;
  std::span<const double> weight;
};

class Graph {
 public:
  using Ptr = std::shared_ptr<const Graph>;

  // Sorts edges by source, stably and on several threads where that pays. Without num_nodes the graph ends at
  // the highest node named, which must be plausible for the number of edges. Throws Error(kGraph) on a node
  // out of range, on weights that are negative, infinite or not numbers, and on labels that are not one per
  // node.
  static Ptr from_edges(const EdgeSpan& edges, std::optional<std::uint64_t> num_nodes = std::nullopt,
                        std::optional<Labels> labels = std::nullopt);

  // Same, from runs of edges that follow one another.
  static Ptr from_edges(std::span<const EdgeSpan> runs, std::optional<std::uint64_t> num_nodes = std::nullopt,
                        std::optional<Labels> labels = std::nullopt);

  // Takes arrays that are already CSR, after checking them as above; offsets has num_nodes + 1 entries.
  static Ptr from_csr(Array<std::uint64_t> offsets, Array<std::uint32_t> targets, Array<double> weights,
                      std::optional<Labels> labels = std::nullopt);

  std::uint32_t num_nodes() const { return static_cast<std::uint32_t>(offsets_.size() - 1); }
  std::uint64_t num_edges() const { return targets_.size(); }
  bool has_weights() const { return weighted_; }
  const Labels* labels() const { return labels_ ? &*labels_ : nullptr; }  // null: nodes have numbers only

  // Edges of node v are [offsets[v], offsets[v + 1]) in targets and, when has_weights(), in weights.
  std::span<const std::uint64_t> offsets() const { return offsets_.span(); }
  std::span<const std::uint32_t> targets() const { return targets_.span(); }
  std::span<const double> weights() const { return weights_.span(); }
  std::uint64_t out_degree(std::uint32_t node) const { return offsets_[node + 1] - offsets_[node]; }

 private:
  Graph(Array<std::uint64_t> offsets, Array<std::uint32_t> targets, Array<double> weights, bool weighted,
        std::optional<Labels> labels);

  Array<std::uint64_t> offsets_;
  Array<std::uint32_t> targets_;
  Array<double> weights_;
  bool weighted_;
  std::optional<Labels> labels_;
};

}  // namespace ringway
