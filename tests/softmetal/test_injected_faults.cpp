// What a GPU seldom does and a test cannot wait for: Metal gives no object, a command buffer has no memory, the device
// is removed.
#include <algorithm>
#include <thread>
#include <vector>

#include "backends/metal/backend.h"
#include "native/runtime_harness.h"
#include "softmetal.h"
#include "softmetal/backend.h"

namespace {

using metal_test::Device;
using metal_test::Thrown;
using metal_test::thrown_by;
using metal_test::word;
using namespace ringway;
using namespace ringway::test;

constexpr int kOutOfMemoryCode = 8, kDeviceRemovedCode = 11;  // of MTLCommandBufferError
constexpr double kPatience = 5;                               // seconds

struct NoFaults {
  ~NoFaults() {
    softmetal_fail_command_buffers(0, 0);
    for (const char* kind : {"SMBuffer", "SMCommandBuffer", "SMComputeEncoder", "SMBlitEncoder"})
      softmetal_refuse_objects(kind, 0);
  }
};

class InjectedFaults : public testing::Test {
 protected:
  Device device;
  u32* const values = device.buffer<u32>(10);
  NoFaults after;

  std::shared_ptr<DispatchJob> start() {
    return device.start("double_in_place", DType::kU32, 10, 4, {word(values)});
  }
  Thrown doubled() { return Device::end(start()); }
};

TEST_F(InjectedFaults, NoComputeEncoderIsAnErrorAndNoZeros) {
  std::fill(values, values + 10, 3);
  softmetal_refuse_objects("SMComputeEncoder", 1);
  const Thrown thrown = doubled();
  EXPECT_EQ(thrown.kind, ErrorKind::kOutOfMemory);
  EXPECT_SAYS(thrown.text, "double_in_place_uint32: Metal gives no encoder; let some work end first");
  EXPECT_EQ(values[9], 3u);
  EXPECT_EQ(doubled().text, "");
  EXPECT_EQ(values[9], 6u);
}

TEST_F(InjectedFaults, NoBlitEncoderIsAnErrorAndNoZeros) {
  const std::shared_ptr<u8> hidden = device.dispatcher().take_private(40);
  std::vector<u8> out(40, 7);
  // After the zeros have gone in.
  EXPECT_EQ(Device::end(device.dispatcher().start_copy(out.data(), hidden.get(), 40)).text, "");
  softmetal_refuse_objects("SMBlitEncoder", 1);
  std::fill(out.begin(), out.end(), u8(7));
  const Thrown thrown = Device::end(device.dispatcher().start_copy(out.data(), hidden.get(), 40));
  EXPECT_EQ(thrown.kind, ErrorKind::kOutOfMemory);
  EXPECT_SAYS(thrown.text, "Metal gives no encoder");
  EXPECT_EQ(out, std::vector<u8>(40, 7));
}

TEST_F(InjectedFaults, NoCommandBufferIsAnError) {
  // More than a queue has.
  for (int i = 0; i < 100; ++i) {
    softmetal_refuse_objects("SMCommandBuffer", 1);
    const Thrown thrown = doubled();
    ASSERT_EQ(thrown.kind, ErrorKind::kOutOfMemory);
    ASSERT_NE(thrown.text.find("Metal gives no command buffer"), std::string::npos) << thrown.text;
  }
  EXPECT_EQ(doubled().text, "");
}

TEST_F(InjectedFaults, NoBufferForACopyIsAnError) {
  std::vector<u32> on_heap(10, 5);
  softmetal_refuse_objects("SMBuffer", 1);
  const Thrown thrown =
      Device::end(device.start("double_in_place", DType::kU32, 10, 4, {word(on_heap.data())}));
  EXPECT_EQ(thrown.kind, ErrorKind::kOutOfMemory);
  EXPECT_SAYS(thrown.text, "no memory for a copy of 40 bytes");
  EXPECT_EQ(on_heap[0], 5u);
}

TEST_F(InjectedFaults, ACommandBufferWithoutMemoryIsOutOfMemoryAndTheNextOneRuns) {
  std::fill(values, values + 10, 3);
  softmetal_fail_command_buffers(kOutOfMemoryCode, 1);
  const Thrown thrown = doubled();
  EXPECT_EQ(thrown.kind, ErrorKind::kOutOfMemory);
  EXPECT_SAYS(thrown.text, "double_in_place<uint32>: threads (10, 1, 1)");
  EXPECT_SAYS(thrown.text, "Insufficient Memory");
  EXPECT_SAYS(thrown.text, "(MTLCommandBufferErrorDomain 8); let buffers go, or use smaller ones");
  EXPECT_EQ(doubled().text, "");
  EXPECT_EQ(values[9], 6u);
}

TEST_F(InjectedFaults, ARemovedDeviceIsLostToEveryDispatchThatWaits) {
  std::fill(values, values + 10, 3);
  softmetal_fail_command_buffers(kDeviceRemovedCode, -1);
  std::vector<std::shared_ptr<DispatchJob>> started;
  for (int i = 0; i < 20; ++i) started.push_back(start());
  for (const auto& job : started) {
    const Thrown thrown = Device::end(job);
    ASSERT_EQ(thrown.kind, ErrorKind::kDeviceLost) << thrown.text;
    ASSERT_NE(thrown.text.find("(MTLCommandBufferErrorDomain 11); open another device"), std::string::npos)
        << thrown.text;
  }
  EXPECT_EQ(values[9], 3u);
}

class InjectedRingFaults : public testing::Test {
 protected:
  InjectedRingFaults() {
    register_backend(metal::backend());
    runtime = Runtime::start({.backend = "metal"});
  }
  ~InjectedRingFaults() override { runtime->close(); }

  std::shared_ptr<Kernel> launch(LaunchOptions options = {}) {
    auto launched = runtime->launch("echo", "", options);
    launched->activate();
    EXPECT_EQ(ask(*launched, "before", kPatience), "before");
    return launched;
  }
  static LaunchOptions restarting() {
    LaunchOptions options;
    options.on_error = OnError::kRestart;
    options.restart_backoff = 0;
    return options;
  }
  static Thrown asked(Kernel& kernel) {
    return thrown_by([&] { ask(kernel, "asked", kPatience); });
  }

  NoFaults after;
  std::shared_ptr<Runtime> runtime;
};

TEST_F(InjectedRingFaults, ARemovedDeviceIsLostToAllKernelsAndToLaterLaunches) {
  auto one = launch(), restarts = launch(restarting());
  softmetal_fail_command_buffers(kDeviceRemovedCode, -1);
  const Thrown first = asked(*one);
  EXPECT_EQ(first.kind, ErrorKind::kDeviceLost) << first.text;
  EXPECT_SAYS(first.text, "The device was removed");
  EXPECT_SAYS(first.text, "(MTLCommandBufferErrorDomain 11)");
  const Thrown second = asked(*restarts);
  EXPECT_EQ(second.kind, ErrorKind::kDeviceLost) << second.text;
  EXPECT_EQ(restarts->telemetry().control.restarts, 0u) << "of what cannot go on";
  softmetal_fail_command_buffers(0, 0);
  const Thrown later = thrown_by([&] { runtime->launch("echo", "", {}); });
  EXPECT_EQ(later.kind, ErrorKind::kDeviceLost) << later.text;
}

TEST_F(InjectedRingFaults, ACommandBufferWithoutMemoryFailsItsKernelInThoseWords) {
  auto one = launch(), other = launch();
  softmetal_fail_command_buffers(kOutOfMemoryCode, 1);
  const Thrown thrown = asked(*one);
  EXPECT_EQ(thrown.kind, ErrorKind::kOutOfMemory) << thrown.text;
  EXPECT_SAYS(thrown.text, "Insufficient Memory");
  EXPECT_EQ(one->state(), State::kFailed);
  EXPECT_EQ(ask(*other, "behind", kPatience), "behind");
}

TEST_F(InjectedRingFaults, ACommandBufferWithoutMemoryIsARestartToAKernelThatRestarts) {
  auto restarts = launch(restarting());
  softmetal_fail_command_buffers(kOutOfMemoryCode, 1);
  EXPECT_EQ(ask(*restarts, "behind", kPatience), "behind");
  EXPECT_EQ(restarts->telemetry().control.restarts, 1u);
}

TEST_F(InjectedRingFaults, NoEncoderIsAnErrorAndNoCommandBufferThatDoesNothing) {
  auto one = launch();
  softmetal_refuse_objects("SMComputeEncoder", 1);
  const Thrown thrown = asked(*one);
  EXPECT_EQ(thrown.kind, ErrorKind::kOutOfMemory) << thrown.text;
  EXPECT_SAYS(thrown.text, "Metal gives no encoder");
}

}  // namespace
