// A graph laid out for the PageRank kernels, and the memory of a run over it
// (ringway/kernels/pagerank_layout.h).
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/graph/aligned.h"
#include "core/graph/graph.h"
#include "ringway/kernels/pagerank_layout.h"

namespace ringway {

class PageRankPlan {
 public:
  using Ptr = std::shared_ptr<const PageRankPlan>;

  enum class Order {
    kAuto,    // by degree where a few sources give most edges and the graph has several blocks
    kAsIs,    // nodes keep their neighbours
    kDegree,  // nodes with many outgoing edges first, so that what is read most lies together
  };

  struct Options {
    std::uint32_t shards = 1;       // at most kMaxShards
    bool weighted = false;          // use the graph's weights
    std::uint32_t value_bytes = 4;  // of a rank: 4 or 8
    Order order = Order::kAuto;
    std::uint32_t block_nodes = kMaxBlockNodes;
    std::uint32_t window_nodes = kMaxWindowNodes;
    // Nodes of a shard's first block where nodes are ordered by degree; 0: as many as a first-level cache holds.
    std::uint32_t first_block_nodes = 0;
  };

  // The graph needs at least one node. Throws Error(kInvalidOption) on options out of range, Error(kGraph)
  // when the weights of a node's edges add up to infinity.
  static Ptr build(const Graph& graph, const Options& options);

  const PlanHeader& header() const { return *reinterpret_cast<const PlanHeader*>(memory_.data()); }
  std::span<unsigned char> memory() const { return {memory_.data(), header().bytes}; }

  std::span<const PlanShard> shards() const { return table<PlanShard>(header().shard, header().shards); }
  std::span<const PlanBlock> blocks() const { return table<PlanBlock>(header().block, header().blocks); }
  std::span<const PlanWindow> windows() const { return table<PlanWindow>(header().window, header().windows); }
  // Where each node's values are; empty when at its own number.
  std::span<const std::uint32_t> positions() const {
    return table<std::uint32_t>(header().positions, header().moved ? header().nodes : 0);
  }
  template <class T>
  std::span<const T> inverse() const {
    return table<T>(header().inverse, header().nodes);
  }

  // Nodes without outgoing weight, by position.
  std::uint32_t dangling_nodes() const { return dangling_nodes_; }

 private:
  friend class PageRankPlanner;
  PageRankPlan() = default;

  template <class T>
  std::span<const T> table(std::uint64_t offset, std::uint64_t size) const {
    return {reinterpret_cast<const T*>(memory_.data() + offset), size};
  }

  AlignedBytes memory_;
  std::uint32_t dangling_nodes_ = 0;
};

// The memory of one run at a time over a plan.
class PageRankWork {
 public:
  explicit PageRankWork(PageRankPlan::Ptr plan);

  // Vectors by node number, not yet divided by their sum; empty = even. Without `dangling`, what leaks from
  // dangling nodes goes where `personalization` says. Throws Error(kInvalidOption) on a damping outside [0,
  // 1], on a vector of another length, with a negative or infinite element, or that adds up to zero.
  struct Start {
    double damping = 0.85;
    std::span<const double> personalization;
    std::span<const double> dangling;
    std::span<const double> ranks;
  };
  void start(const Start& start);

  // Ranks by node number, scaled to sum to one; `out` holds one value of the plan's width per node.
  void collect(std::span<float> out) const;
  void collect(std::span<double> out) const;

  std::span<unsigned char> memory() const { return {memory_.data(), memory_.size()}; }
  const PageRankPlan& plan() const { return *plan_; }

 private:
  template <class T>
  T* array(std::uint64_t offset) const {
    return reinterpret_cast<T*>(memory_.data() + offset);
  }
  WorkHeader<double>& header() const { return *array<WorkHeader<double>>(0); }
  template <class T>
  void start_as(const Start& start);
  template <class T>
  void collect_as(std::span<T> out) const;

  PageRankPlan::Ptr plan_;
  AlignedBytes memory_;
};

}  // namespace ringway
