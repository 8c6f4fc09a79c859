// The kernels against a serial push in double, and their protocol under every interleaving that the seeds
// reach.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>

#include "core/error.h"
#include "native/pagerank/reference.h"
#include "native/pagerank/ring.h"
#include "ringway/wire.h"

namespace ringway::testing {
namespace {

struct Case {
  std::uint32_t nodes;
  std::uint64_t edges;
  bool weighted;
  std::uint32_t shards, value_bytes, block_nodes, window_nodes;
  PageRankPlan::Order order;
};

PageRankPlan::Options options_of(const Case& c) {
  return {c.shards, c.weighted, c.value_bytes, c.order, c.block_nodes, c.window_nodes};
}

// A ring, a plan and a run's memory, and what came of the run.
struct Session {
  Session(const Graph& graph, const PageRankPlan::Options& options, std::uint64_t seed,
          std::size_t capacity = 2)
      : plan(PageRankPlan::build(graph, options)),
        work(plan),
        ring(options.shards, capacity, seed),
        history(64, -1.0) {
    control.plan = ring.add_buffer(plan->memory().data(), plan->memory().size());
    control.work = ring.add_buffer(work.memory().data(), work.memory().size());
    control.history = ring.add_buffer(history.data(), history.size() * sizeof(double));
    control.run = 7;
    control.max_iterations = 12;
  }
  void go(const PageRankWork::Start& start = {}) {
    work.start(start);
    ring.send(control);
    ring.run();
  }
  std::vector<double> ranks() const {
    if (plan->header().value_bytes == 8) {
      std::vector<double> out(plan->header().nodes);
      work.collect(std::span<double>(out));
      return out;
    }
    std::vector<float> narrow(plan->header().nodes);
    work.collect(std::span<float>(narrow));
    return {narrow.begin(), narrow.end()};
  }

  PageRankPlan::Ptr plan;
  PageRankWork work;
  Ring ring;
  std::vector<double> history;
  PageRankControl<double> control{};
};

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::fabs(a[i] - b[i]));
  return most;
}

std::vector<Case> cases() {
  using Order = PageRankPlan::Order;
  std::vector<Case> all;
  for (const std::uint32_t shards : {1U, 2U, 5U}) {
    for (const bool weighted : {false, true}) {
      for (const std::uint32_t bytes : {4U, 8U}) {
        for (const Order order : {Order::kAsIs, Order::kDegree, Order::kAuto}) {
          all.push_back({300, 4000, weighted, shards, bytes, 37, 50, order});
          all.push_back({1000, 3000, weighted, shards, bytes, kMaxBlockNodes, kMaxWindowNodes, order});
        }
      }
    }
  }
  all.push_back({1, 0, false, 1, 8, 16, 16, Order::kAsIs});
  all.push_back({1, 3, false, 1, 8, 16, 16, Order::kAsIs});
  all.push_back({3, 2, false, 5, 8, 16, 16, Order::kAsIs});  // shards without nodes
  all.push_back({3, 2, false, 5, 8, 16, 16, Order::kDegree});
  all.push_back({40, 0, false, 2, 8, 16, 16, Order::kAsIs});  // nothing but dangling nodes
  all.push_back({200, 30000, true, 2, 8, 64, 64, Order::kAsIs});
  return all;
}

TEST(PageRankKernels, EqualASerialPush) {
  std::uint64_t seed = 1;
  for (const Case& c : cases()) {
    SCOPED_TRACE(::testing::Message() << c.nodes << " nodes, " << c.edges << " edges, " << c.shards
                                      << " shards, " << c.value_bytes << " bytes, weighted " << c.weighted);
    const Graph::Ptr graph = random_graph(c.nodes, c.edges, c.weighted, seed);
    std::vector<double> jump(c.nodes), leak(c.nodes), ranks(c.nodes);
    for (std::uint32_t v = 0; v < c.nodes; ++v) {
      jump[v] = v % 3;
      leak[v] = v % 5 == 1;
      ranks[v] = v % 7 + 0.5;
    }
    std::vector<PageRankWork::Start> starts = {
        {0.85, {}, {}, {}}, {0.5, {}, {}, ranks}, {1.0, {}, {}, {}}, {0.0, {}, {}, {}}};
    if (c.nodes >= 3)
      starts.insert(starts.end(), {{0.85, jump, {}, {}}, {0.9, jump, leak, ranks}, {0.85, {}, leak, {}}});
    for (const PageRankWork::Start& start : starts) {
      Session run(*graph, options_of(c), ++seed);
      run.go(start);
      ASSERT_EQ(run.ring.answers.size(), 1U);
      EXPECT_EQ(run.ring.answers[0].second.status, static_cast<u32>(kPageRankAtLimit));
      EXPECT_EQ(run.ring.answers[0].second.iteration, 12U);
      EXPECT_TRUE(run.ring.errors.empty());
      EXPECT_LT(distance(run.ranks(), push_ranks(*graph, c.weighted, start, 12)),
                c.value_bytes == 8 ? 1e-15 : 1e-6);
      const std::vector<double> got = run.ranks();
      EXPECT_NEAR(std::accumulate(got.begin(), got.end(), 0.0), 1.0, c.value_bytes == 8 ? 1e-14 : 1e-6);
    }
  }
}

TEST(PageRankKernels, SameBitsWhateverComesFirst) {
  for (const std::uint32_t bytes : {4U, 8U}) {
    const Graph::Ptr graph = random_graph(500, 6000, true, 3);
    const PageRankPlan::Options options{4, true, bytes, PageRankPlan::Order::kDegree, 30, 60, 9};
    Session first(*graph, options, 1);
    first.go();
    for (std::uint64_t seed = 2; seed < 40; ++seed) {
      Session other(*graph, options, seed, 1 + seed % 5);
      other.go();
      ASSERT_EQ(other.ranks(), first.ranks()) << "seed " << seed;
      ASSERT_EQ(other.history, first.history) << "seed " << seed;
    }
  }
}

TEST(PageRankKernels, StopWhenTheChangeIsBelowTheTolerance) {
  const Graph::Ptr graph = random_graph(300, 3000, false, 5);
  Session run(*graph, {2, false, 8, PageRankPlan::Order::kAuto, 50, 50}, 1);
  run.control.tolerance.value = 1e-6;
  run.control.max_iterations = 100;
  run.go();
  ASSERT_EQ(run.ring.answers.size(), 1U);
  const PageRankReport<double>& report = run.ring.answers[0].second;
  EXPECT_EQ(report.status, static_cast<u32>(kPageRankConverged));
  EXPECT_EQ(report.run, 7U);
  EXPECT_LT(report.residual.value, 1e-6);
  EXPECT_GE(run.history[(report.iteration - 2) % 64], 1e-6);
  EXPECT_EQ(run.history[(report.iteration - 1) % 64], report.residual.value);
  const std::vector<double> before = push_ranks(*graph, false, {}, static_cast<int>(report.iteration) - 1);
  const std::vector<double> after = push_ranks(*graph, false, {}, static_cast<int>(report.iteration));
  double change = 0;
  for (std::size_t v = 0; v < before.size(); ++v) change += std::fabs(after[v] - before[v]);
  EXPECT_NEAR(report.residual.value, change, 1e-15);
}

TEST(PageRankKernels, WithholdingOneBlockStopsConvergence) {
  const Graph::Ptr graph = random_graph(300, 3000, false, 5);
  Session run(*graph, {3, false, 4, PageRankPlan::Order::kAuto, 40, 50}, 1, 8);
  run.control.tolerance.value = 1e-6;
  bool lost = false;
  run.ring.filter = [&](const std::string& link, const void* message) {
    const auto* block = static_cast<const PageRankBlock<double>*>(message);
    if (lost || link != "sender1>aggregator2" || block->iteration != 3) return true;
    lost = true;
    return false;
  };
  run.go();
  EXPECT_TRUE(lost);
  EXPECT_TRUE(run.ring.answers.empty());
  EXPECT_EQ(run.history[1] >= 0, true);
  EXPECT_EQ(run.history[2], -1.0);  // the third iteration has no residual
}

TEST(PageRankKernels, MessageCountsAreIterationsTimesBlocks) {
  const Graph::Ptr graph = random_graph(300, 3000, false, 5);
  Session run(*graph, {3, false, 4, PageRankPlan::Order::kAuto, 40, 50}, 1);
  run.go();
  EXPECT_EQ(run.ring.passed("sender"), 12U * run.plan->header().blocks * 3);
  EXPECT_EQ(run.ring.passed("aggregator"), 12U * 3);
  EXPECT_EQ(run.ring.passed("checker>sender"), 12U * 3);
}

TEST(PageRankKernels, ReportIterationsWhenAsked) {
  const Graph::Ptr graph = random_graph(100, 500, false, 5);
  std::size_t reports = 0;
  for (std::uint64_t seed = 1; seed < 10; ++seed) {
    Session run(*graph, {2, false, 4, PageRankPlan::Order::kAuto, 40, 50}, seed);
    run.control.report_every = 5;
    run.go();
    reports += run.ring.reports.size();
    ASSERT_LE(run.ring.reports.size(), 2U);  // one without room is left out
    for (const PageRankReport<double>& report : run.ring.reports) {
      EXPECT_EQ(report.iteration % 5, 0U);
      EXPECT_EQ(report.residual.value, run.history[report.iteration - 1]);
      EXPECT_EQ(report.status, static_cast<u32>(kPageRankRunning));
    }
    EXPECT_EQ(run.ring.answers.size(), 1U);
  }
  EXPECT_GT(reports, 9U);
}

TEST(PageRankKernels, CancelEndsTheRunAndTheNextOneIsWhole) {
  for (std::uint64_t seed = 1; seed < 100; ++seed) {
    const Graph::Ptr graph = random_graph(100, 500, false, 5);
    Session run(*graph, {2, false, 8, PageRankPlan::Order::kAuto, 40, 50}, seed);
    run.control.max_iterations = 1000000;
    run.work.start({});
    run.ring.send(run.control, 1);
    run.ring.run(100);
    PageRankControl<double> cancel = run.control;
    cancel.action = kPageRankCancel;
    cancel.run = 6;  // another run's, long over
    run.ring.send(cancel, 2);
    run.ring.run(100);
    ASSERT_EQ(run.ring.answers.size(), 1U);
    EXPECT_EQ(run.ring.answers[0].first, 2U);
    cancel.run = 7;
    run.ring.send(cancel, 3);
    run.ring.run();
    ASSERT_EQ(run.ring.answers.size(), 3U);
    EXPECT_EQ(run.ring.answers[1].first, 1U);
    EXPECT_EQ(run.ring.answers[2].first, 3U);
    EXPECT_EQ(run.ring.answers[1].second.status, static_cast<u32>(kPageRankCancelled));
    EXPECT_EQ(run.ring.answers[2].second.iteration, run.ring.answers[1].second.iteration);
    run.control.run = 8;
    run.control.max_iterations = 12;
    run.go();
    ASSERT_EQ(run.ring.answers.size(), 4U) << "seed " << seed;
    EXPECT_LT(distance(run.ranks(), push_ranks(*graph, false, {}, 12)), 1e-15);
    ASSERT_TRUE(run.ring.errors.empty());
  }
}

TEST(PageRankKernels, NameTheReportAsPythonDoes) {
  EXPECT_EQ(kPageRankReportType, fnv1a("PageRankReport", 14));
}

TEST(PageRankKernels, RefuseWhatIsNotAPlan) {
  const Graph::Ptr graph = random_graph(100, 500, false, 5);
  for (const int wrong : {0, 1, 2, 3}) {
    Session run(*graph, {1, false, 8, PageRankPlan::Order::kAuto, 40, 50}, 1);
    if (wrong == 0) run.control.plan = 99;
    if (wrong == 1) run.control.work = run.control.plan;
    if (wrong == 2) run.control.history = 99;
    if (wrong == 3)
      run.control.plan = run.ring.add_buffer(run.plan->memory().data(), run.plan->memory().size() - 1);
    run.go();
    ASSERT_EQ(run.ring.errors.size(), 1U);
    EXPECT_EQ(run.ring.errors[0],
              std::make_pair(std::string("checker"), static_cast<u32>(kPageRankBadBuffers)));
    EXPECT_TRUE(run.ring.answers.empty());
  }
}

TEST(PageRankKernels, RefuseASecondRunMeanwhile) {
  const Graph::Ptr graph = random_graph(100, 500, false, 5);
  Session run(*graph, {1, false, 8, PageRankPlan::Order::kAuto, 40, 50}, 1);
  run.work.start({});
  run.ring.send(run.control);
  run.ring.run(5);
  run.control.run = 8;
  run.ring.send(run.control);
  run.ring.run();
  ASSERT_EQ(run.ring.errors.size(), 1U);
  EXPECT_EQ(run.ring.errors[0].second, static_cast<u32>(kPageRankBusy));
  EXPECT_EQ(run.ring.answers.size(), 1U);
}

TEST(PageRankKernels, NoIterationGivesTheStart) {
  const Graph::Ptr graph = random_graph(10, 50, false, 5);
  Session run(*graph, {1, false, 8, PageRankPlan::Order::kAuto, 40, 50}, 1);
  run.control.max_iterations = 0;
  run.go();
  ASSERT_EQ(run.ring.answers.size(), 1U);
  EXPECT_EQ(run.ring.answers[0].second.status, static_cast<u32>(kPageRankAtLimit));
  EXPECT_LT(distance(run.ranks(), std::vector<double>(10, 0.1)), 1e-16);
}

TEST(PageRankPlanner, CoversEveryEdgeOnceAndEveryNodeOnce) {
  const Graph::Ptr graph = random_graph(400, 9000, false, 11);
  const PageRankPlan::Ptr plan =
      PageRankPlan::build(*graph, {3, false, 4, PageRankPlan::Order::kDegree, 60, 45, 7});
  std::multiset<std::pair<std::uint32_t, std::uint32_t>> want, got;
  const auto positions = plan->positions();
  ASSERT_EQ(std::set<std::uint32_t>(positions.begin(), positions.end()).size(), 400U);
  for (std::uint32_t v = 0; v < 400; ++v) {
    for (std::uint64_t e = graph->offsets()[v]; e < graph->offsets()[v + 1]; ++e) {
      want.emplace(positions[v], positions[graph->targets()[e]]);
    }
  }
  const auto* tiles = reinterpret_cast<const PlanTile*>(plan->memory().data() + plan->header().tile);
  for (std::uint32_t b = 0; b < plan->header().blocks; ++b) {
    for (std::uint32_t w = 0; w < plan->header().windows; ++w, ++tiles) {
      const unsigned char* at = plan->memory().data() + tiles->offset;
      std::vector<std::uint32_t> runs(tiles->runs * 2);
      std::memcpy(runs.data(), at, runs.size() * 4);
      at += (runs.size() * 4 + 15) / 16 * 16;
      std::uint32_t slices = 0;
      for (std::size_t r = 0; r < runs.size(); r += 2) {
        for (std::uint32_t s = 0; s < runs[r + 1]; ++s, ++slices) {
          std::vector<std::uint16_t> slice(kLanes * (1 + runs[r]));
          std::memcpy(slice.data(), at, slice.size() * 2);
          at += slice.size() * 2;
          for (std::size_t i = kLanes; i < slice.size(); ++i) {
            if (slice[i] == plan->blocks()[b].count) continue;
            got.emplace(plan->blocks()[b].first + slice[i], plan->windows()[w].first + slice[i % kLanes]);
          }
        }
      }
      ASSERT_EQ(slices, tiles->slices);
      ASSERT_LE(at, plan->memory().data() + plan->memory().size());
    }
  }
  EXPECT_EQ(got, want);
}

TEST(PageRankPlanner, BlocksGrowInTheOrderOfDegree) {
  const Graph::Ptr graph = random_graph(400, 4000, false, 11);
  const auto sizes = [&](PageRankPlan::Order order) {
    const PageRankPlan::Ptr plan = PageRankPlan::build(*graph, {1, false, 4, order, 90, 400, 30});
    std::vector<std::uint32_t> counts;
    for (const PlanBlock& block : plan->blocks()) counts.push_back(block.count);
    return counts;
  };
  EXPECT_EQ(sizes(PageRankPlan::Order::kDegree),
            (std::vector<std::uint32_t>{30, 30, 30, 45, 67, 90, 90, 18}));
  EXPECT_EQ(sizes(PageRankPlan::Order::kAsIs), (std::vector<std::uint32_t>{80, 80, 80, 80, 80}));
}

TEST(PageRankPlanner, OrdersByDegreeOnlyWhereItPays) {
  const auto moved = [](const Graph& graph, std::uint32_t block_nodes) {
    return PageRankPlan::build(graph, {1, false, 4, PageRankPlan::Order::kAuto, block_nodes, 64})
        ->header()
        .moved;
  };
  std::vector<std::uint32_t> hub_src, even_src, dst;
  for (std::uint32_t e = 0; e < 4000; ++e) {
    hub_src.push_back(e % 4 == 0 ? e % 400 : 17);
    even_src.push_back(e % 400);
    dst.push_back(e * 7 % 400);
  }
  const Graph::Ptr skewed = Graph::from_edges(EdgeSpan{hub_src, dst, {}}, 400);
  const Graph::Ptr even = Graph::from_edges(EdgeSpan{even_src, dst, {}}, 400);
  EXPECT_EQ(moved(*skewed, 64), 1U);
  EXPECT_EQ(moved(*skewed, 400), 0U);  // one block: all of it is near anyway
  EXPECT_EQ(moved(*even, 64), 0U);
}

TEST(PageRankPlanner, SharesTheLoad) {
  for (const auto order : {PageRankPlan::Order::kAsIs, PageRankPlan::Order::kDegree}) {
    const Graph::Ptr graph = random_graph(4000, 60000, false, 9);
    const PageRankPlan::Ptr plan = PageRankPlan::build(*graph, {4, false, 4, order, 100, 100});
    std::vector<std::uint64_t> load(4);
    const auto positions = plan->positions();
    const auto shard_of = [&](std::uint32_t node) {
      const std::uint32_t position = positions.empty() ? node : positions[node];
      for (std::uint32_t s = 0; s < 4; ++s) {
        const PlanWindow& last =
            plan->windows()[plan->shards()[s].first_window + plan->shards()[s].windows - 1];
        if (position < last.first + last.count) return s;
      }
      return 0U;
    };
    for (std::uint32_t v = 0; v < 4000; ++v) load[shard_of(v)] += 3;
    for (const std::uint32_t target : graph->targets()) ++load[shard_of(target)];
    const auto [least, most] = std::minmax_element(load.begin(), load.end());
    EXPECT_LT(static_cast<double>(*most), 1.05 * static_cast<double>(*least));
  }
}

TEST(PageRankPlanner, EqualWeightsNeedNoValues) {
  const std::vector<std::uint32_t> src = {0, 0, 1}, dst = {1, 2, 2};
  const std::vector<double> same = {2.5, 2.5, 2.5}, mixed = {2.5, 2.5, 1};
  EXPECT_EQ(PageRankPlan::build(*Graph::from_edges(EdgeSpan{src, dst, same}), {1, true})->header().weighted,
            0U);
  EXPECT_EQ(PageRankPlan::build(*Graph::from_edges(EdgeSpan{src, dst, mixed}), {1, true})->header().weighted,
            1U);
  EXPECT_EQ(PageRankPlan::build(*Graph::from_edges(EdgeSpan{src, dst, mixed}), {1, false})->header().weighted,
            0U);
}

TEST(PageRankPlanner, RefusesWhatItCannotDo) {
  const Graph::Ptr graph = random_graph(10, 20, false, 1);
  EXPECT_THROW(PageRankPlan::build(*graph, {0}), Error);
  EXPECT_THROW(PageRankPlan::build(*graph, {65}), Error);
  EXPECT_THROW(PageRankPlan::build(*graph, {1, false, 2}), Error);
  EXPECT_THROW(PageRankPlan::build(*Graph::from_edges(EdgeSpan{}, 0), {1}), Error);
  const std::vector<std::uint32_t> src = {0, 0}, dst = {1, 0};
  const std::vector<double> huge = {1.7e308, 1e308};
  EXPECT_THROW(PageRankPlan::build(*Graph::from_edges(EdgeSpan{src, dst, huge}), {1, true}), Error);
}

TEST(PageRankWork, RefusesBadVectors) {
  const Graph::Ptr graph = random_graph(3, 5, false, 1);
  PageRankWork work(PageRankPlan::build(*graph, {}));
  const std::vector<double> zero(3), shorter(2, 1.0), negative = {1, -1, 1},
                                                      nan = {1, std::numeric_limits<double>::quiet_NaN(), 1};
  for (const auto& bad : {zero, shorter, negative, nan}) {
    EXPECT_THROW(work.start({0.85, bad, {}, {}}), Error);
    EXPECT_THROW(work.start({0.85, {}, bad, {}}), Error);
    EXPECT_THROW(work.start({0.85, {}, {}, bad}), Error);
  }
  EXPECT_THROW(work.start({1.5, {}, {}, {}}), Error);
  EXPECT_THROW(work.start({std::numeric_limits<double>::quiet_NaN(), {}, {}, {}}), Error);
}

TEST(HostReal, FloatsAndBitsOfDoublesConvertAsTheHardwareDoes) {
  const auto bits_of = [](double value) {
    u64 bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
  };
  const float floats[] = {0.0F,   -0.0F,  1.0F,      -1.5F,    1e-6F,    3.4e38F,
                          1e-38F, 1e-42F, -1.4e-45F, INFINITY, -INFINITY};
  for (const float value : floats) EXPECT_EQ(double_bits(value), bits_of(double(value))) << value;
  const double doubles[] = {0.0,        -0.0, 1e-6, 0.1,    -1.0 / 3, 16777217.0, 16777219.0,
                            33554431.0, 3e38, 1e39, -1e300, INFINITY, 1e-30,      2.5e-7};
  for (const double value : doubles) EXPECT_EQ(float_of_bits(bits_of(value)), float(value)) << value;
  EXPECT_EQ(float_of_bits(bits_of(1e-300)), 0.0F);
  EXPECT_EQ(float_of_bits(bits_of(1e-40)), 0.0F);  // a subnormal
  EXPECT_TRUE(std::isnan(float_of_bits(bits_of(NAN))));
  EXPECT_TRUE(std::isnan(float_of_bits(double_bits(NAN))));
}

}  // namespace
}  // namespace ringway::testing
