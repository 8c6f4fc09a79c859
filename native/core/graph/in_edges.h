// The edges of a graph by the node they enter, and the power iterations that pull along them in float64. Sums
// are taken over fixed parts of the nodes, in order, so that results do not depend on the number of threads.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/graph/array.h"
#include "core/graph/graph.h"

namespace ringway {

class InEdges {
 public:
  struct Limits {
    double tolerance;  // of the sum over all nodes of an iteration's change
    std::uint64_t max_iterations;
    std::function<void()> check;  // called before each iteration; ends the run by throwing. May be empty
  };

  InEdges(const Graph& graph, bool weighted);

  std::uint32_t num_nodes() const { return static_cast<std::uint32_t>(offsets_.size() - 1); }

  // Both leave the last iterate in `x`, one value per node, and return whether the last change was below the
  // tolerance. Katz: x[v] = alpha * sum over edges u -> v of weight * x[u] + beta[v].
  bool katz(double alpha, std::span<const double> beta, std::span<double> x, const Limits& limits) const;
  // x[v] + sum over edges u -> v of weight * x[u], divided by the Euclidean norm.
  bool eigenvector(std::span<double> x, const Limits& limits) const;

 private:
  double pull(std::uint32_t node, const double* x) const;
  template <class Body>
  double sum(const Body& body) const;
  double norm(const double* x) const;

  Array<std::uint64_t> offsets_;
  Array<std::uint32_t> sources_;
  Array<double> weights_;  // empty: each edge weighs 1
  unsigned threads_;       // asking for the cores takes longer than an iteration over a small graph
  std::vector<std::uint32_t> parts_;  // first node of each part, and the number of nodes
};

}  // namespace ringway
