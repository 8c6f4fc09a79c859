#include "core/graph/builder.h"

#include <utility>

namespace ringway {

void EdgeBuilder::open_block() {
  blocks_.push_back({Array<std::uint32_t>(kBlockEdges), Array<std::uint32_t>(kBlockEdges),
                     Array<double>(weighted_ ? kBlockEdges : 0)});
  used_ = 0;
}

Graph::Ptr EdgeBuilder::finish(std::optional<std::uint64_t> num_nodes, std::optional<Labels> labels) {
  const std::vector<Block> blocks = std::exchange(blocks_, {});
  std::vector<EdgeSpan> runs;
  for (const Block& block : blocks) {
    const std::size_t used = &block == &blocks.back() ? used_ : kBlockEdges;
    runs.push_back({block.src.span().first(used), block.dst.span().first(used),
                    weighted_ ? block.weight.span().first(used) : block.weight.span()});
  }
  return Graph::from_edges(runs, num_nodes, std::move(labels));
}

Graph::Ptr both_ways(const Graph& graph) {
  EdgeBuilder edges(graph.has_weights(), true);
  for (std::uint32_t node = 0; node < graph.num_nodes(); ++node) {
    for (std::uint64_t edge = graph.offsets()[node]; edge < graph.offsets()[node + 1]; ++edge) {
      edges.add(node, graph.targets()[edge], graph.has_weights() ? graph.weights()[edge] : 1.0);
    }
  }
  const Labels* labels = graph.labels();
  return edges.finish(graph.num_nodes(), labels != nullptr ? std::optional<Labels>(*labels) : std::nullopt);
}

}  // namespace ringway
