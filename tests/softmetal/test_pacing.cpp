// How many rounds and messages a command buffer of slices has, by what the ones before took; how many are under way; and
// that there are none when nothing moves. The device says what times it is told to.
#include <chrono>
#include <ctime>
#include <thread>

#include "backends/metal/backend.h"
#include "native/runtime_harness.h"
#include "softmetal.h"
#include "softmetal/backend.h"

namespace {

using namespace ringway;
using namespace ringway::test;

constexpr double kPatience = 5;  // seconds
constexpr double kShort = 1e-6,
                 kTooLong = 10e-3;  // of a command buffer on the GPU; 2 ms is what it is to take
constexpr u32 kMessages = 1000;

class Pacing : public testing::Test {
 protected:
  Pacing() {
    register_backend(metal::backend());
    runtime = Runtime::start({.backend = "metal"});
    LaunchOptions options;
    options.capacity = options.staging_capacity = 1024;
    options.slot_size = 128;
    options.batch = 1;  // a message a round
    echo = runtime->launch("echo", "", options);
    echo->activate();
    EXPECT_EQ(ask(*echo, "before", kPatience), "before");
  }
  ~Pacing() override {
    softmetal_hold(0);
    runtime->close();
    softmetal_set_gpu_time(0);
  }

  static long command_buffers() { return softmetal_made_objects("SMCommandBuffer"); }
  // In one heap, so that there are enough for every round.
  void send_many() {
    softmetal_hold(1);
    for (u32 i = 0; i < kMessages; ++i) send(*echo, std::to_string(i));
    softmetal_hold(0);
    for (u32 i = 0; i < kMessages; ++i) ASSERT_EQ(receive(*echo, kPatience), std::to_string(i));
  }

  std::shared_ptr<Runtime> runtime;
  std::shared_ptr<Kernel> echo;
};

TEST_F(Pacing, RoundsGrowWhileMessagesMoveAndThereIsTime) {
  softmetal_set_gpu_time(kShort);
  const std::string said = metal_test::log_of([&] { send_many(); });
  EXPECT_SAYS(said, " 1 kernels, 256 rounds, at most ");
  EXPECT_EQ(said.find("512 rounds"), std::string::npos);
}

TEST_F(Pacing, RoundsAndThenMessagesHalveWhenTheyTakeTooLong) {
  softmetal_set_gpu_time(kShort);
  send_many();
  softmetal_set_gpu_time(kTooLong);
  const std::string said = metal_test::log_of([&] {
    for (u32 i = 0; i < 60; ++i) EXPECT_EQ(ask(*echo, "asked", kPatience), "asked");
  });
  EXPECT_SAYS(said, " 1 kernels, 1 rounds, at most 1 messages from an input");
  softmetal_set_gpu_time(kShort);
  send_many();
}

TEST_F(Pacing, TwoCommandBuffersAreUnderWayAndNoThird) {
  softmetal_hold(1);
  const long before = command_buffers();
  for (long under_way = 1; under_way <= 2; ++under_way) {
    send(*echo, "one more");
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(kPatience);
    while (command_buffers() < before + under_way) {
      ASSERT_LT(std::chrono::steady_clock::now(), end)
          << command_buffers() - before << " under way, waited in vain for another";
      std::this_thread::yield();
    }
  }
  for (u32 i = 0; i < 10; ++i) {
    send(*echo, "one more");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(command_buffers(), before + 2) << "a third one";
  softmetal_hold(0);
  for (u32 i = 0; i < 12; ++i) EXPECT_EQ(receive(*echo, kPatience), "one more");
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

// What follows the last answer may take its time.
TEST_F(Pacing, NothingIsAskedOfTheGpuOrTheProcessorWhenNothingMoves) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(kPatience);
  for (;;) {
    const long before = command_buffers();
    const double used = processor_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (command_buffers() == before && processor_seconds() - used < 20e-3) break;
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "the driver never rests";
  }
  EXPECT_EQ(ask(*echo, "behind", kPatience), "behind");
}

}  // namespace
