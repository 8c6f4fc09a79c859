#include "core/graph/in_edges.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/graph/parallel.h"

namespace ringway {
namespace {

constexpr std::uint32_t kParts = 64;

}  // namespace

InEdges::InEdges(const Graph& graph, bool weighted)
    : offsets_(graph.num_nodes() + std::size_t{1}),
      sources_(graph.num_edges()),
      weights_(weighted && graph.has_weights() ? graph.num_edges() : 0),
      threads_(threads_for(graph.num_edges() + graph.num_nodes())) {
  const std::uint32_t nodes = graph.num_nodes();
  std::vector<std::uint64_t> next(nodes + std::size_t{1});
  for (const std::uint32_t target : graph.targets()) ++next[target + std::size_t{1}];
  for (std::uint32_t node = 0; node < nodes; ++node) next[node + std::size_t{1}] += next[node];
  std::copy(next.begin(), next.end(), offsets_.data());
  for (std::uint32_t source = 0; source < nodes; ++source) {
    for (std::uint64_t i = graph.offsets()[source]; i < graph.offsets()[source + std::size_t{1}]; ++i) {
      const std::uint64_t place = next[graph.targets()[i]]++;
      sources_[place] = source;
      if (!weights_.empty()) weights_[place] = graph.weights()[i];
    }
  }
  const std::uint64_t work = graph.num_edges() + nodes;
  for (std::uint32_t part = 0; part < kParts; ++part) {
    std::uint32_t low = 0;
    std::uint32_t high = nodes;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (offsets_[middle] + middle < part_begin(work, part, kParts)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    parts_.push_back(low);
  }
  parts_.push_back(nodes);
}

double InEdges::pull(std::uint32_t node, const double* x) const {
  double total = 0;
  const std::uint64_t end = offsets_[node + std::size_t{1}];
  if (weights_.empty()) {
    for (std::uint64_t i = offsets_[node]; i < end; ++i) total += x[sources_[i]];
  } else {
    for (std::uint64_t i = offsets_[node]; i < end; ++i) total += weights_[i] * x[sources_[i]];
  }
  return total;
}

// The sum over all nodes of what `body` returns for each.
template <class Body>
double InEdges::sum(const Body& body) const {
  std::array<double, kParts> totals{};
  run_threads(threads_, [&](unsigned thread) {
    for (std::uint32_t part = thread; part < kParts; part += threads_) {
      double total = 0;
      for (std::uint32_t node = parts_[part]; node < parts_[part + 1]; ++node) total += body(node);
      totals[part] = total;
    }
  });
  double all = 0;
  for (const double total : totals) all += total;
  return all;
}

double InEdges::norm(const double* x) const {
  const double squares = sum([x](std::uint32_t node) { return x[node] * x[node]; });
  if (squares > 1e-280 && squares < 1e280) return std::sqrt(squares);
  // Squares that are lost above or below the range of a double.
  double most = 0;
  for (std::uint32_t node = 0; node < num_nodes(); ++node) most = std::max(most, std::abs(x[node]));
  if (most == 0 || !std::isfinite(most)) return most;
  return most * std::sqrt(sum([x, most](std::uint32_t node) { return x[node] / most * (x[node] / most); }));
}

bool InEdges::katz(double alpha, std::span<const double> beta, std::span<double> x,
                   const Limits& limits) const {
  Array<double> other(x.size());
  double* last = x.data();
  double* next = other.data();
  bool converged = false;
  for (std::uint64_t i = 0; i < limits.max_iterations && !converged; ++i) {
    if (limits.check) limits.check();
    const double change = sum([&](std::uint32_t node) {
      next[node] = alpha * pull(node, last) + beta[node];
      return std::abs(next[node] - last[node]);
    });
    std::swap(last, next);
    converged = change < limits.tolerance;
  }
  if (last != x.data()) std::copy_n(last, x.size(), x.data());
  return converged;
}

bool InEdges::eigenvector(std::span<double> x, const Limits& limits) const {
  Array<double> other(x.size());
  double* last = x.data();
  double* next = other.data();
  bool converged = false;
  for (std::uint64_t i = 0; i < limits.max_iterations && !converged; ++i) {
    if (limits.check) limits.check();
    sum([&](std::uint32_t node) { return next[node] = last[node] + pull(node, last); });
    const double length = norm(next);
    const double divisor = length == 0 ? 1 : length;
    const double change = sum([&](std::uint32_t node) {
      next[node] /= divisor;
      return std::abs(next[node] - last[node]);
    });
    std::swap(last, next);
    converged = change < limits.tolerance;
  }
  if (last != x.data()) std::copy_n(last, x.size(), x.data());
  return converged;
}

}  // namespace ringway
