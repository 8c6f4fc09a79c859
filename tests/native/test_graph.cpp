// The graph store: order of edges, checks, and the threaded sort against a plain one.
#include "core/graph/graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/error.h"

namespace ringway {
namespace {

struct Edges {
  std::vector<std::uint32_t> src, dst;
  std::vector<double> weight;
  EdgeSpan span() const { return {src, dst, weight}; }
};

std::string failure(const Edges& edges, std::optional<std::uint64_t> nodes = std::nullopt) {
  try {
    Graph::from_edges(edges.span(), nodes);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kGraph);
    return error.what();
  }
  return "no error";
}

template <class T>
std::vector<T> copied(std::span<const T> values) {
  return {values.begin(), values.end()};
}

TEST(Graph, KeepsParallelEdgesSelfLoopsAndOrder) {
  const Edges edges{{2, 0, 2, 2, 0}, {1, 3, 2, 1, 0}, {5, 1, 2, 3, 4}};
  const Graph::Ptr graph = Graph::from_edges(edges.span());
  EXPECT_EQ(graph->num_nodes(), 4U);
  EXPECT_EQ(graph->num_edges(), 5U);
  EXPECT_EQ(copied(graph->offsets()), (std::vector<std::uint64_t>{0, 2, 2, 5, 5}));
  EXPECT_EQ(copied(graph->targets()), (std::vector<std::uint32_t>{3, 0, 1, 2, 1}));
  EXPECT_EQ(copied(graph->weights()), (std::vector<double>{1, 4, 5, 2, 3}));
  EXPECT_EQ(graph->out_degree(2), 3U);
}

TEST(Graph, EmptyAndEdgeless) {
  EXPECT_EQ(Graph::from_edges(EdgeSpan{})->num_nodes(), 0U);
  const Graph::Ptr graph = Graph::from_edges(EdgeSpan{}, 7);
  EXPECT_EQ(graph->num_nodes(), 7U);
  EXPECT_EQ(graph->offsets().size(), 8U);
  EXPECT_FALSE(graph->has_weights());
}

TEST(Graph, ThreadedSortIsTheStableSort) {
  constexpr std::uint32_t kNodes = 1000;
  std::mt19937 random(1);
  Edges edges;
  for (std::uint32_t i = 0; i < 2'000'000; ++i) {
    edges.src.push_back(static_cast<std::uint32_t>(random() % kNodes));
    edges.dst.push_back(static_cast<std::uint32_t>(random() % kNodes));
    edges.weight.push_back(i);
  }
  const EdgeSpan all = edges.span();
  const std::vector<EdgeSpan> runs{
      {all.src.first(700'001), all.dst.first(700'001), all.weight.first(700'001)},
      {},
      {all.src.subspan(700'001), all.dst.subspan(700'001), all.weight.subspan(700'001)}};
  const Graph::Ptr graph = Graph::from_edges(runs, kNodes);
  ASSERT_EQ(graph->num_edges(), edges.src.size());
  for (std::uint32_t node = 0; node < kNodes; ++node) {
    double before = -1;
    for (std::uint64_t edge = graph->offsets()[node]; edge < graph->offsets()[node + 1]; ++edge) {
      const auto origin = static_cast<std::size_t>(graph->weights()[edge]);
      ASSERT_EQ(edges.src[origin], node);
      ASSERT_EQ(edges.dst[origin], graph->targets()[edge]);
      ASSERT_GT(graph->weights()[edge], before);
      before = graph->weights()[edge];
    }
  }
}

TEST(Graph, RefusesBadWeights) {
  for (const double bad : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_NE(failure({{0, 1}, {1, 0}, {1, bad}}).find("of edge 1"), std::string::npos);
  }
  EXPECT_EQ(failure({{0}, {1}, {0.0}}), "no error");
}

TEST(Graph, RefusesNodesOutOfRange) {
  EXPECT_EQ(failure({{0}, {3}, {}}, 3), "node 3 in a graph of 3 nodes");
  EXPECT_NE(failure({{0}, {1}, {}}, std::uint64_t{1} << 32).find("the limit is"), std::string::npos);
  EXPECT_NE(failure({{0}, {4'000'000'000}, {}}).find("number the nodes densely"), std::string::npos);
  EXPECT_NE(failure({{0, 1}, {1}, {}}).find("dst 1"), std::string::npos);
}

TEST(Labels, NumberNamesInOrderOfFirstAppearance) {
  Labels labels;
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(labels.intern("name-" + std::to_string(i)), i);
  }
  EXPECT_EQ(labels.size(), 1000U);
  for (std::uint32_t i = 1000; i < 200'000; ++i) {  // so many that some have the same 32-bit hash
    EXPECT_EQ(labels.intern("name-" + std::to_string(i)), i);
  }
  EXPECT_EQ(labels[999], "name-999");
  EXPECT_EQ(labels.find("name-7"), 7U);
  EXPECT_EQ(labels.find("name-200000"), std::nullopt);
  EXPECT_EQ(Labels().find("x"), std::nullopt);
}

TEST(Labels, AreUniqueUtf8) {
  Labels labels;
  for (const char* good : {"", "z", "é", "漢字", "🎲"}) labels.intern(good);
  for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    EXPECT_THROW(labels.intern(bad), Error) << bad;
  }
  EXPECT_THROW(Labels({0, 1, 2}, "aa"), Error);
  EXPECT_THROW(Labels({0, 3}, "aa"), Error);
  EXPECT_THROW(Labels({0, 2, 1, 2}, "ab"), Error);
  EXPECT_EQ(Labels({0, 1, 2}, "ab").find("b"), 1U);
}

}  // namespace
}  // namespace ringway
