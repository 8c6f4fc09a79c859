// Histograms by bucket, counters across a reset, latencies that cannot be less than what was waited.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "runtime_harness.h"

namespace ringway::test {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, EveryDurationLiesInItsBucketAndNearItsMiddle) {
  u32 last = 0;
  for (double size = 1; size < 1.3e11; size *= 1.013) {
    const u64 ns = u64(size);
    const u32 bucket = bucket_of(ns);
    ASSERT_GE(bucket, last);
    last = bucket;
    ASSERT_LE(bucket_floor(bucket), ns);
    ASSERT_GT(bucket_floor(bucket + 1), ns);
    const double middle = double(bucket_floor(bucket) + bucket_floor(bucket + 1)) / 2;
    ASSERT_LE(std::abs(middle - size), std::max(4.5, size / 16));
  }
  EXPECT_EQ(bucket_of(0), 0U);
  EXPECT_EQ(bucket_of((1ULL << 37) - 1), u32(kHistogramBuckets) - 1);
  EXPECT_EQ(bucket_of(~0ULL), u32(kHistogramBuckets) - 1);
}

TEST(Histogram, QuantilesOfAKnownSample) {
  LatencyHistogram histogram{};
  for (u64 us = 1; us <= 1000; ++us) add_duration(&histogram, us * 1000);
  LatencyCounts counts;
  std::copy(std::begin(histogram.buckets), std::end(histogram.buckets), counts.buckets);
  EXPECT_EQ(counts.count(), 1000U);
  EXPECT_EQ(histogram.sum, 500'500'000U);
  for (const double share : {0.5, 0.99, 0.999}) {
    EXPECT_NEAR(counts.quantile(share), share * 1e6, share * 1e6 / 16) << share;
  }
  EXPECT_EQ(LatencyCounts{}.quantile(0.5), 0);
}

TEST(Latency, StampsBelongToSlotsAndSurviveAFullQueue) {
  Latency latency(16, 4);
  for (u64 lap = 0; lap < 3; ++lap) {
    for (u64 ticket = lap * 16; ticket < lap * 16 + 16; ++ticket) latency.sent(ticket);
    latency.handled(lap * 16, 16);
  }
  EXPECT_EQ(snapshot(&latency).count(), 12U);
  Latency rare(16, 64);  // less than one a lap
  for (u64 ticket = 0; ticket < 128; ++ticket) {
    rare.sent(ticket);
    rare.handled(ticket, 1);
  }
  EXPECT_EQ(snapshot(&rare).count(), 2U);
}

TEST(Telemetry, LatencyIsAtLeastWhatAMessageWaited) {
  auto runtime = start(1);
  LaunchOptions options;
  options.latency_sample = 1;
  auto echo = runtime->launch("echo", "echo", options);
  for (int i = 0; i < 10; ++i) send(*echo, "waits");
  std::this_thread::sleep_for(20ms);
  echo->activate();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(receive(*echo), "waits");
  EXPECT_EQ(ask(*echo, "and one more"), "and one more");
  const Telemetry seen = echo->telemetry();
  EXPECT_EQ(seen.latency.count(), 11U);
  EXPECT_GE(seen.latency.quantile(0.5), 20e6 * 15 / 16);
  EXPECT_GE(seen.latency.sum, 10 * 20'000'000U);
}

TEST(Telemetry, OneInSoManyIsTimed) {
  auto runtime = start(1);
  for (const std::int64_t sample : {0, 1, 8, 64}) {
    LaunchOptions options;
    options.latency_sample = sample;
    auto echo = runtime->launch("echo", "", options);
    echo->activate();
    for (int i = 0; i < 128; ++i) ask(*echo, "x");
    EXPECT_EQ(echo->telemetry().latency.count(), sample ? 128U / u64(sample) : 0U);
  }
}

TEST(Telemetry, ResetCountsFromThere) {
  auto runtime = start(1);
  LaunchOptions options;
  options.capacity = 16;
  options.latency_sample = 1;
  options.policy = Backpressure::kDropNew;
  auto echo = runtime->launch("echo", "echo", options);
  for (int i = 0; i < 20; ++i) send(*echo, "x");
  echo->activate();
  for (int i = 0; i < 16; ++i) receive(*echo);
  EXPECT_EQ(echo->telemetry().mailbox.dropped_new, 4U);
  echo->reset_telemetry();
  Telemetry seen = echo->telemetry();
  EXPECT_EQ(seen.control.processed, 0U);
  EXPECT_EQ(seen.mailbox.dropped_new, 0U);
  EXPECT_EQ(seen.latency.count(), 0U);
  EXPECT_EQ(seen.latency.sum, 0U);
  EXPECT_NE(seen.control.last_message_us, 0U);
  ask(*echo, "x");
  seen = echo->telemetry();
  EXPECT_EQ(seen.control.processed, 1U);
  EXPECT_EQ(seen.latency.count(), 1U);
  EXPECT_EQ(echo->terminate(true, Wait{}).processed, 17U);
}

TEST(Telemetry, OffCountersStandStill) {
  auto runtime = start(1);
  LaunchOptions options;
  options.telemetry = false;
  options.latency_sample = 1;
  auto echo = runtime->launch("echo", "echo", options);
  echo->activate();
  ask(*echo, "unseen");
  EXPECT_EQ(echo->telemetry().control.processed, 0U);
  EXPECT_EQ(echo->telemetry().latency.count(), 0U);
  echo->enable_telemetry(true);
  ask(*echo, "seen");
  EXPECT_EQ(echo->telemetry().control.processed, 1U);
  EXPECT_EQ(echo->telemetry().latency.count(), 1U);
  EXPECT_EQ(echo->terminate(true, Wait{}).processed, 2U);
}

TEST(Telemetry, LinksAreTimedByTheirReceiver) {
  auto runtime = start(1);
  LaunchOptions options;
  options.latency_sample = 1;
  auto relay = runtime->launch("relay", "relay", options);
  auto echo = runtime->launch("echo", "echo", options);
  runtime->link(*relay, *echo, 64, 64);
  relay->activate();
  echo->activate();
  for (int i = 0; i < 40; ++i) send(*relay, "through the link");
  for (int i = 0; i < 40; ++i) EXPECT_EQ(receive(*echo), "through the link");
  auto links = runtime->link_telemetry();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links[0].source + " " + links[0].target, "relay echo");
  EXPECT_EQ(links[0].received, 40U);
  EXPECT_EQ(links[0].depth, 0U);
  EXPECT_EQ(links[0].latency.count(), 3U);
  runtime->reset_telemetry();
  EXPECT_EQ(runtime->link_telemetry()[0].received, 0U);
  EXPECT_EQ(relay->telemetry().control.sent, 0U);
  echo->terminate(true, Wait{});
  EXPECT_TRUE(runtime->link_telemetry().empty());
}

// The time in the staging ring counts too.
TEST(Telemetry, LatencyOverAPumpedBridgeIsFromSendOn) {
  auto runtime = start(1);
  LaunchOptions options;
  options.latency_sample = 1;
  options.capacity = 16;
  options.bridge = BridgeKind::kPumped;
  auto echo = runtime->launch("echo", "echo", options);
  for (int i = 0; i < 40; ++i) send(*echo, "waits");
  std::this_thread::sleep_for(20ms);
  echo->activate();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(receive(*echo), "waits");
  EXPECT_EQ(echo->telemetry().latency.count(), 40U);
  EXPECT_GE(echo->telemetry().latency.sum, 40 * 20'000'000U);
}

// A reader never waits for a kernel that drains, however long that takes.
TEST(Telemetry, IsReadWhileAKernelDrains) {
  auto runtime = start(1);
  auto relay = runtime->launch("relay", "relay", {});
  auto full = runtime->launch("echo", "full", {});
  runtime->link(*relay, *full, 16, 64);
  for (int i = 0; i < 40; ++i) send(*relay, "stuck");
  std::thread ends([&] { relay->terminate(true, Wait::seconds(1)); });
  const auto began = std::chrono::steady_clock::now();
  while (relay->telemetry().control.sent < 16) std::this_thread::yield();
  EXPECT_EQ(runtime->kernels().size(), 2U);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 900ms);
  ends.join();
}

// Traces begin and end while kernels run; each keeps what was handled meanwhile, and no more than it may.
TEST(Tracer, TracesBeginAndEndWhileKernelsRun) {
  auto runtime = start(2);
  LaunchOptions options;
  options.latency_sample = 1;
  auto echo = runtime->launch("echo", "echo", options);
  echo->activate();
  bool over = false;
  std::thread asks([&] {
    while (!atomic::load_relaxed(&over)) ask(*echo, "x");
  });
  for (int i = 0; i < 50; ++i) {
    runtime->start_trace(8);
    EXPECT_THROW(runtime->start_trace(8), Error);
    const u64 before = echo->telemetry().control.received;
    while (echo->telemetry().control.received < before + 20) std::this_thread::yield();
    const Tracer::Trace trace = runtime->stop_trace();
    ASSERT_EQ(trace.tracks.size(), 2U);
    EXPECT_EQ(trace.kernels.at(echo->port().index), "echo");
    const Tracer::Track& track = trace.tracks[echo->port().worker];
    ASSERT_EQ(track.turns.events.size(), 8U);
    EXPECT_GT(track.turns.dropped, 0U);
    EXPECT_GT(track.passages.dropped, 0U);
    for (std::size_t turn = 1; turn < 8; ++turn) {
      EXPECT_GE(track.turns.events[turn].began, track.turns.events[turn - 1].ended);
    }
  }
  atomic::store_relaxed(&over, true);
  asks.join();
}

}  // namespace
}  // namespace ringway::test
