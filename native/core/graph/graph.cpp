#include "core/graph/graph.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/graph/parallel.h"

namespace ringway {
namespace {

[[noreturn]] void fail(const std::string& text) {
  throw Error(ErrorKind::kGraph, text);
}

bool is_weight(double value) {
  return value >= 0 && std::isfinite(value);
}

void check_weights(std::span<const double> weights) {
  const auto bad = std::find_if_not(weights.begin(), weights.end(), is_weight);
  if (bad == weights.end()) return;
  fail("weight " + std::to_string(*bad) + " of edge " + std::to_string(bad - weights.begin()) +
       " is not a finite number of at least 0");
}

void check_labels(const std::optional<Labels>& labels, std::uint64_t num_nodes) {
  if (!labels || labels->size() == num_nodes) return;
  fail("the graph has " + std::to_string(num_nodes) + " nodes but " + std::to_string(labels->size()) +
       " labels");
}

// Edges [first, last) of the whole sequence, as pieces of its runs.
std::vector<EdgeSpan> slice(std::span<const EdgeSpan> runs, std::uint64_t first, std::uint64_t last) {
  std::vector<EdgeSpan> pieces;
  std::uint64_t begin = 0;
  for (const EdgeSpan& run : runs) {
    const std::uint64_t end = begin + run.src.size();
    const std::uint64_t from = std::max(first, begin);
    const std::uint64_t to = std::min(last, end);
    if (from < to) {
      const std::uint64_t skip = from - begin;
      const std::uint64_t size = to - from;
      pieces.push_back({run.src.subspan(skip, size), run.dst.subspan(skip, size),
                        run.weight.empty() ? run.weight : run.weight.subspan(skip, size)});
    }
    begin = end;
  }
  return pieces;
}

struct Extent {
  std::uint64_t edges = 0;
  std::uint64_t nodes = 0;  // one more than the highest node named
  bool weighted = false;
};

std::uint32_t highest_node(const EdgeSpan& run) {
  const unsigned threads = threads_for(run.src.size());
  std::vector<std::uint32_t> highest(threads);
  run_threads(threads, [&](unsigned t) {
    const std::uint64_t end = part_begin(run.src.size(), t + 1, threads);
    std::uint32_t most = 0;
    for (std::uint64_t i = part_begin(run.src.size(), t, threads); i < end; ++i)
      most = std::max({most, run.src[i], run.dst[i]});
    highest[t] = most;
  });
  return *std::max_element(highest.begin(), highest.end());
}

Extent measure(std::span<const EdgeSpan> runs) {
  Extent extent;
  for (const EdgeSpan& run : runs) {
    if (run.src.size() != run.dst.size()) {
      fail("src has " + std::to_string(run.src.size()) + " entries but dst " +
           std::to_string(run.dst.size()));
    }
    if (!run.weight.empty() && run.weight.size() != run.src.size()) {
      fail("src has " + std::to_string(run.src.size()) + " entries but weight " +
           std::to_string(run.weight.size()));
    }
    check_weights(run.weight);
    if (!run.src.empty()) extent.nodes = std::max(extent.nodes, std::uint64_t{highest_node(run)} + 1);
    extent.edges += run.src.size();
    extent.weighted = extent.weighted || !run.weight.empty();
  }
  return extent;
}

std::uint64_t resolve_nodes(const Extent& extent, std::optional<std::uint64_t> asked) {
  if (asked && *asked > kMaxNodes) {
    fail(std::to_string(*asked) + " nodes; the limit is " + std::to_string(kMaxNodes));
  }
  if (asked && extent.nodes > *asked) {
    fail("node " + std::to_string(extent.nodes - 1) + " in a graph of " + std::to_string(*asked) + " nodes");
  }
  if (!asked && extent.nodes > plausible_nodes(extent.edges)) {
    fail("node " + std::to_string(extent.nodes - 1) + " with only " + std::to_string(extent.edges) +
         " edges would leave nearly all nodes without edges; number the nodes densely or "
         "say how many there are");
  }
  return asked.value_or(extent.nodes);
}

}  // namespace

Graph::Graph(Array<std::uint64_t> offsets, Array<std::uint32_t> targets, Array<double> weights, bool weighted,
             std::optional<Labels> labels)
    : offsets_(std::move(offsets)),
      targets_(std::move(targets)),
      weights_(std::move(weights)),
      weighted_(weighted),
      labels_(std::move(labels)) {}

Graph::Ptr Graph::from_edges(const EdgeSpan& edges, std::optional<std::uint64_t> num_nodes,
                             std::optional<Labels> labels) {
  return from_edges(std::span(&edges, 1), num_nodes, std::move(labels));
}

// Counting sort: every thread counts the sources of its share of the edges; sums over (node, thread) in that
// order give each thread its first place for every node; then each places its share. Shares are in order, so
// the sort is stable.
Graph::Ptr Graph::from_edges(std::span<const EdgeSpan> runs, std::optional<std::uint64_t> num_nodes,
                             std::optional<Labels> labels) {
  const Extent extent = measure(runs);
  const std::uint64_t nodes = resolve_nodes(extent, num_nodes);
  check_labels(labels, nodes);

  const std::uint64_t affordable = extent.edges / 2 / std::max<std::uint64_t>(nodes, 1);
  const auto threads = static_cast<unsigned>(
      std::min<std::uint64_t>(threads_for(extent.edges), std::max<std::uint64_t>(affordable, 1)));
  std::vector<std::vector<EdgeSpan>> shares;
  for (unsigned t = 0; t < threads; ++t) {
    shares.push_back(
        slice(runs, part_begin(extent.edges, t, threads), part_begin(extent.edges, t + 1, threads)));
  }
  std::vector<std::vector<std::uint64_t>> places(threads, std::vector<std::uint64_t>(nodes));
  run_threads(threads, [&](unsigned t) {
    std::uint64_t* count = places[t].data();
    for (const EdgeSpan& piece : shares[t]) {
      for (const std::uint32_t source : piece.src) ++count[source];
    }
  });

  Array<std::uint64_t> offsets(nodes + 1);
  std::uint64_t total = 0;
  for (std::uint64_t node = 0; node < nodes; ++node) {
    offsets[node] = total;
    for (std::vector<std::uint64_t>& place : places) total += std::exchange(place[node], total);
  }
  offsets[nodes] = total;

  Array<std::uint32_t> targets(extent.edges);
  Array<double> weights(extent.weighted ? extent.edges : 0);
  run_threads(threads, [&](unsigned t) {
    std::uint64_t* next = places[t].data();
    for (const EdgeSpan& piece : shares[t]) {
      for (std::size_t i = 0; i < piece.src.size(); ++i) {
        const std::uint64_t place = next[piece.src[i]]++;
        targets[place] = piece.dst[i];
        if (extent.weighted) weights[place] = piece.weight.empty() ? 1.0 : piece.weight[i];
      }
    }
  });
  return Ptr(new Graph(std::move(offsets), std::move(targets), std::move(weights), extent.weighted,
                       std::move(labels)));
}

Graph::Ptr Graph::from_csr(Array<std::uint64_t> offsets, Array<std::uint32_t> targets, Array<double> weights,
                           std::optional<Labels> labels) {
  if (offsets.empty() || offsets.size() - 1 > kMaxNodes)
    fail("offsets must have one entry more than there are nodes");
  const std::uint64_t nodes = offsets.size() - 1;
  if (offsets[0] != 0 || offsets[nodes] != targets.size())
    fail("offsets do not begin at 0 and end at the edge count");
  for (std::uint64_t node = 0; node < nodes; ++node) {
    if (offsets[node] > offsets[node + 1]) fail("offsets go backwards at node " + std::to_string(node));
  }
  for (std::uint64_t edge = 0; edge < targets.size(); ++edge) {
    if (targets[edge] >= nodes) {
      fail("edge " + std::to_string(edge) + " points to node " + std::to_string(targets[edge]) +
           " in a graph of " + std::to_string(nodes) + " nodes");
    }
  }
  if (!weights.empty() && weights.size() != targets.size()) fail("weights and targets differ in length");
  check_weights(weights.span());
  check_labels(labels, nodes);
  const bool weighted = !weights.empty();
  return Ptr(
      new Graph(std::move(offsets), std::move(targets), std::move(weights), weighted, std::move(labels)));
}

}  // namespace ringway
