// Power iterations over incoming edges, on one thread and on several, against sums over the edges as they stand.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include "core/graph/in_edges.h"

namespace ringway {
namespace {

struct Edges {
  std::vector<std::uint32_t> src, dst;
  std::vector<double> weight;

  Edges(std::uint32_t nodes, std::size_t size) {
    std::mt19937 random(7);
    for (std::size_t i = 0; i < size; ++i) {
      src.push_back(std::uint32_t(random() % nodes));
      dst.push_back(std::uint32_t(random() % nodes));
      weight.push_back(double(random() % 8) / 4);
    }
  }
  Graph::Ptr graph(std::uint32_t nodes) const { return Graph::from_edges({src, dst, weight}, nodes); }
  std::vector<double> passed(const std::vector<double>& x, bool weighted) const {
    std::vector<double> y(x.size());
    for (std::size_t i = 0; i < src.size(); ++i) y[dst[i]] += (weighted ? weight[i] : 1) * x[src[i]];
    return y;
  }
};

class InEdgesTest : public testing::TestWithParam<std::size_t> {
 protected:
  static constexpr std::uint32_t kNodes = 3000;
  Edges edges_{kNodes, GetParam()};
};

TEST_P(InEdgesTest, KatzIsItsFixedPoint) {
  for (const bool weighted : {false, true}) {
    const InEdges sweeps(*edges_.graph(kNodes), weighted);
    const double alpha = 0.2 / double(edges_.src.size() / kNodes + 8);
    const std::vector<double> beta(kNodes, 1.5);
    std::vector<double> x(kNodes);
    ASSERT_TRUE(sweeps.katz(alpha, beta, x, {1e-9, 500, {}}));
    const std::vector<double> passed = edges_.passed(x, weighted);
    for (std::uint32_t v = 0; v < kNodes; ++v) ASSERT_NEAR(x[v], alpha * passed[v] + 1.5, 1e-9);
  }
}

TEST_P(InEdgesTest, EigenvectorIsOneStepFromTheStepBefore) {
  const InEdges sweeps(*edges_.graph(kNodes), true);
  std::vector<double> before(kNodes, 1), after(kNodes, 1);
  EXPECT_FALSE(sweeps.eigenvector(before, {0, 4, {}}));
  EXPECT_FALSE(sweeps.eigenvector(after, {0, 5, {}}));
  std::vector<double> wanted = edges_.passed(before, true);
  double squares = 0;
  for (std::uint32_t v = 0; v < kNodes; ++v) squares += std::pow(wanted[v] += before[v], 2);
  for (std::uint32_t v = 0; v < kNodes; ++v) ASSERT_NEAR(after[v], wanted[v] / std::sqrt(squares), 1e-12);
}

TEST_P(InEdgesTest, ACheckEndsTheRun) {
  const InEdges sweeps(*edges_.graph(kNodes), true);
  std::vector<double> x(kNodes, 1);
  int left = 3;
  const auto check = [&left] {
    if (--left == 0) throw std::runtime_error("stop");
  };
  EXPECT_THROW(sweeps.eigenvector(x, {0, 1000, check}), std::runtime_error);
  EXPECT_EQ(left, 0);
}

// The last size is worth several threads, where there are several cores.
INSTANTIATE_TEST_SUITE_P(Sizes, InEdgesTest, testing::Values(0, 1, 9000, 530000));

TEST(InEdges, AGraphWithoutNodesHasConverged) {
  const InEdges sweeps(*Graph::from_edges(EdgeSpan{}), true);
  EXPECT_TRUE(sweeps.katz(1, {}, {}, {1, 1, {}}));
}

}  // namespace
}  // namespace ringway
