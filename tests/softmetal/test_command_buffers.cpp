// Dispatches that share a command buffer: how many, in which order, and whose error it is.
#include <chrono>
#include <thread>
#include <vector>

#include "softmetal.h"
#include "softmetal/backend.h"

namespace {

using metal_test::Device;
using metal_test::Thrown;
using metal_test::word;
using namespace ringway;

using Started = std::vector<std::shared_ptr<DispatchJob>>;

// On a busy machine the device may be done before the next dispatch is started: then it is tried again.
class CommandBuffers : public testing::TestWithParam<u64> {
 protected:
  CommandBuffers() : long_a_(device.buffer<float>(64 * kInner)), long_out_(device.buffer<float>(64 * 64)) {
    softmetal_set_seed(GetParam());
  }
  ~CommandBuffers() override { softmetal_set_seed(0); }
  Device device;

  // Keeps the device busy while others are started; the second one measures a short dispatch.
  void keep_busy(Started* started) {
    started->push_back(device.start(dispatch_kernel("matrix_multiply"), DType::kF32, {64, 64, 1}, {16, 16, 1},
                                    {word(long_a_), word(long_a_), word(long_out_), kInner}));
    u32* const one = device.buffer<u32>(1);
    for (int i = 0; i < 3; ++i)
      started->push_back(device.start("double_in_place", DType::kU32, 1, 1, {word(one)}));
  }
  static long command_buffers() { return softmetal_made_objects("SMCommandBuffer"); }
  static bool late(std::chrono::steady_clock::time_point began) {
    return std::chrono::steady_clock::now() - began > std::chrono::seconds(10);
  }

 private:
  static constexpr u64 kInner = 4'000;
  float* const long_a_;
  float* const long_out_;
};

TEST_P(CommandBuffers, AreSharedByDispatchesThatWait) {
  constexpr long kJobs = 60;
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    u32* const values = device.buffer<u32>(10);
    std::fill(values, values + 10, 1);
    Started started;
    const long before = command_buffers();
    keep_busy(&started);
    for (long i = 0; i < kJobs; ++i)
      started.push_back(
          i % 2 ? device.start("vector_add", DType::kU32, 10, 4, {word(values), word(values), word(values)})
                : device.start("double_in_place", DType::kU32, 10, 4, {word(values)}));
    for (const auto& job : started) ASSERT_EQ(Device::end(job).text, "");
    ASSERT_EQ(values[9], 0u) << "sixty doublings of 1";
    if (command_buffers() - before < kJobs / 4) return;
    ASSERT_FALSE(late(began)) << kJobs << " dispatches never took fewer than " << kJobs / 4
                              << " command buffers";
  }
}

TEST_P(CommandBuffers, ADispatchOfSeveralHasItsOwnErrorAndThoseBehindItRun) {
  DispatchKernel wrong = dispatch_kernel("double_in_place");
  wrong.arguments[0].least = [](const SizeOf&) -> u64 { return 10; };
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    u32* const values = device.buffer<u32>(10);
    u32* const small = device.buffer<u32>(10);
    std::fill(values, values + 10, 1);
    Started started;
    const long before = command_buffers();
    keep_busy(&started);
    const std::size_t first = started.size();
    for (int i = 0; i < 9; ++i)
      started.push_back(i == 4 ? device.start(wrong, DType::kU32, {1u << 20, 1, 1}, {64, 1, 1}, {word(small)})
                               : device.start("double_in_place", DType::kU32, 10, 4, {word(values)}));
    for (std::size_t i = 0; i < started.size(); ++i) {
      const Thrown thrown = Device::end(started[i]);
      if (i != first + 4) {
        ASSERT_EQ(thrown.text, "") << "told to dispatch " << i;
        continue;
      }
      ASSERT_EQ(thrown.kind, ErrorKind::kHandler) << "nothing is told to the one that failed";
      ASSERT_NE(thrown.text.find("double_in_place<uint32>: threads (1048576, 1, 1)"), std::string::npos);
      ASSERT_NE(thrown.text.find("page fault"), std::string::npos);
    }
    ASSERT_EQ(values[9], 256u) << "eight doublings";
    // The long one, at most three before it is known how short the others are, theirs, and four that run again.
    if (command_buffers() - before <= 9) return;
    ASSERT_FALSE(late(began)) << "the dispatches never shared a command buffer";
  }
}

TEST_P(CommandBuffers, ThatFailInPartRunNothingThatWasCancelled) {
  DispatchKernel wrong = dispatch_kernel("double_in_place");
  wrong.arguments[0].least = [](const SizeOf&) -> u64 { return 10; };
  u32* const values = device.buffer<u32>(10);
  u32* const small = device.buffer<u32>(10);
  std::fill(values, values + 10, 1);
  Started started;
  keep_busy(&started);
  started.push_back(device.start(wrong, DType::kU32, {1u << 20, 1, 1}, {64, 1, 1}, {word(small)}));
  for (int i = 0; i < 3; ++i)
    started.push_back(device.start("double_in_place", DType::kU32, 10, 4, {word(values)}));
  device.dispatcher().cancel(*started.back());
  const Thrown cancelled = Device::end(started.back());
  for (const auto& job : started) Device::end(job);
  EXPECT_TRUE(values[9] == 4 || (values[9] == 8 && started.back()->done()));
  EXPECT_EQ(cancelled.kind, ErrorKind::kClosed);
}

TEST_P(CommandBuffers, TakeNoObjectsOfMetalsButTheirOwn) {
  u32* const values = device.buffer<u32>(10);
  const auto run = [&](int jobs) {
    Started started;
    for (int i = 0; i < jobs; ++i)
      started.push_back(device.start("double_in_place", DType::kU32, 10, 4, {word(values)}));
    for (const auto& job : started) ASSERT_EQ(Device::end(job).text, "");
  };
  run(10);
  const std::vector<const char*> kinds = {"SMBuffer",  "SMCommandQueue", "SMEvent",      "SMFunction",
                                          "SMLibrary", "SMPipeline",     "SMBlitEncoder"};
  std::vector<long> before;
  for (const char* kind : kinds) before.push_back(softmetal_made_objects(kind));
  const long encoders = softmetal_made_objects("SMComputeEncoder");
  run(200);
  for (std::size_t i = 0; i < kinds.size(); ++i)
    EXPECT_EQ(softmetal_made_objects(kinds[i]), before[i]) << kinds[i];
  EXPECT_EQ(softmetal_made_objects("SMComputeEncoder"), encoders + 200);
}

TEST_P(CommandBuffers, EachIsAnIntervalOfSignposts) {
  // What other tests left has ended by then.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (softmetal_unpaired_signposts() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  const long before = softmetal_paired_signposts(), made = command_buffers();
  u32* const values = device.buffer<u32>(10);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(device.run("double_in_place", DType::kU32, 10, 4, {word(values)}).text, "");
  EXPECT_EQ(softmetal_paired_signposts() - before, command_buffers() - made);
  EXPECT_EQ(softmetal_unpaired_signposts(), 0);
}

INSTANTIATE_TEST_SUITE_P(Seed, CommandBuffers, testing::Values(0, 1, 2, 3, 4),
                         [](const auto& seed) { return std::to_string(seed.param); });

}  // namespace
