// The kernels on the CPU backend's workers, one shard each: what the protocol says of shared memory, ThreadSanitizer
// checks here.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "native/pagerank/reference.h"
#include "native/runtime_harness.h"
#include "ringway/kernels/pagerank.h"
#include "ringway/wire.h"

namespace ringway::testing {
namespace {

struct Team {
  explicit Team(u32 shards) : runtime(test::start(shards)) {
    for (u32 s = 0; s < shards; ++s) senders.push_back(launch("pagerank.sender", s));
    for (u32 s = 0; s < shards; ++s) aggregators.push_back(launch("pagerank.aggregator", s));
    checker = launch("pagerank.checker", 0);
    for (const auto& sender : senders) {
      for (const auto& aggregator : aggregators)
        runtime->link(*sender, *aggregator, 16, sizeof(PageRankBlock<double>));
    }
    for (const auto& aggregator : aggregators)
      runtime->link(*aggregator, *checker, 16, sizeof(PageRankPart<double>));
    for (const auto& sender : senders) runtime->link(*checker, *sender, 16, sizeof(PageRankGo<double>));
    for (const auto& kernel : runtime->kernels()) kernel->activate();
  }
  std::shared_ptr<Kernel> launch(const std::string& kind, u32 shard) {
    LaunchOptions options;
    options.worker = static_cast<i32>(shard);
    options.capacity = 16;
    return runtime->launch(kind, kind + std::to_string(shard), options);
  }
  PageRankReport<double> run(const PageRankControl<double>& control) {
    Envelope envelope = test::plain();
    envelope.type_id = fnv1a("PageRankControl", 15);
    const std::span<const u8> body{reinterpret_cast<const u8*>(&control), sizeof control};
    auto* cell = checker->ask(envelope, body, "PageRankControl");
    const Reply reply = checker->wait(cell, Wait::seconds(60), 60);
    PageRankReport<double> report;
    std::memcpy(&report, reply.body.data(), sizeof report);
    runtime->replies().give_back(cell);
    return report;
  }

  std::shared_ptr<Runtime> runtime;
  std::vector<std::shared_ptr<Kernel>> senders, aggregators;
  std::shared_ptr<Kernel> checker;
};

TEST(PageRankOnWorkers, EqualsASerialPushWithMoreBlocksThanSlots) {
  const u32 shards = 3;
  Team team(shards);
  const Graph::Ptr graph = random_graph(3000, 20000, true, 4);
  for (const u32 bytes : {4U, 8U}) {
    const PageRankPlan::Ptr plan =
        PageRankPlan::build(*graph, {shards, true, bytes, PageRankPlan::Order::kDegree, 40, 300});
    ASSERT_GT(plan->header().blocks, 16U * shards);
    PageRankWork work(plan);
    std::vector<double> history(100);
    PageRankControl<double> control{};
    control.plan = team.runtime->add_buffer(plan->memory().data(), plan->memory().size());
    control.work = team.runtime->add_buffer(work.memory().data(), work.memory().size());
    control.history =
        team.runtime->add_buffer(reinterpret_cast<u8*>(history.data()), history.size() * sizeof(double));
    control.max_iterations = 20;
    for (u32 run = 0; run < 5; ++run) {
      work.start({});
      control.run = run;
      EXPECT_EQ(team.run(control).iteration, 20U);
      double most = 0;
      const std::vector<double> want = push_ranks(*graph, true, {}, 20);
      std::vector<double> wide(3000);
      std::vector<float> narrow(3000);
      bytes == 4 ? work.collect(std::span<float>(narrow)) : work.collect(std::span<double>(wide));
      for (std::size_t v = 0; v < 3000; ++v) {
        most = std::max(most, std::fabs((bytes == 4 ? static_cast<double>(narrow[v]) : wide[v]) - want[v]));
      }
      EXPECT_LT(most, bytes == 4 ? 1e-6 : 1e-15);
    }
    for (const u64 handle : {control.plan, control.work, control.history})
      team.runtime->release_buffer(handle);
  }
}

}  // namespace
}  // namespace ringway::testing
