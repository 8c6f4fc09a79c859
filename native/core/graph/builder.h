// Collects edges one by one, in blocks, so that growing never copies, and turns them into a graph.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "core/graph/graph.h"

namespace ringway {

class EdgeBuilder {
 public:
  // With `both_ways` every edge but a self-loop is also added reversed.
  explicit EdgeBuilder(bool weighted = false, bool both_ways = false)
      : weighted_(weighted), both_ways_(both_ways) {}

  void add(std::uint32_t src, std::uint32_t dst, double weight = 1.0) {
    append(src, dst, weight);
    if (both_ways_ && src != dst) append(dst, src, weight);
  }
  std::uint64_t size() const { return blocks_.empty() ? 0 : (blocks_.size() - 1) * kBlockEdges + used_; }

  // As Graph::from_edges; leaves the builder empty.
  Graph::Ptr finish(std::optional<std::uint64_t> num_nodes, std::optional<Labels> labels);

 private:
  struct Block {
    Array<std::uint32_t> src, dst;
    Array<double> weight;
  };
  static constexpr std::size_t kBlockEdges = std::size_t{1} << 18;

  void append(std::uint32_t src, std::uint32_t dst, double weight) {
    if (used_ == kBlockEdges || blocks_.empty()) open_block();
    Block& block = blocks_.back();
    block.src[used_] = src;
    block.dst[used_] = dst;
    if (weighted_) block.weight[used_] = weight;
    ++used_;
  }
  void open_block();

  bool weighted_;
  bool both_ways_;
  std::size_t used_ = 0;  // edges in the last block
  std::vector<Block> blocks_;
};

// The same graph with every edge but the self-loops also reversed.
Graph::Ptr both_ways(const Graph& graph);

}  // namespace ringway
