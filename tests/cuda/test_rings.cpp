// Ring kernels of the CUDA backend on the fake driver, whose grids run on the host's threads: the grid's comings and
// goings, links, and what the driver and handlers may do wrong. The conformance suite has the rest.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "backends/cuda/backend.h"
#include "cuda/fake_driver/control.h"
#include "native/runtime_harness.h"

namespace ringway::test {
namespace {

constexpr double kPatience = 20;  // seconds; what stands still must say so

fake_cuda::Control& fake() {
  static fake_cuda::Control* const control = [] {
    setenv("RINGWAY_CUDA_DRIVER", FAKE_CUDA_DRIVER, 1);
    void* const library = dlopen(FAKE_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
    return reinterpret_cast<fake_cuda::GetControl>(dlsym(library, fake_cuda::kGetControl))();
  }();
  return *control;
}

u64 launches() {
  const auto calls = fake().calls();
  return u64(std::count(calls.begin(), calls.end(), "cuLaunchCooperativeKernel"));
}

class CudaRings : public testing::Test {
 protected:
  void SetUp() override {
    fake().reset();
    unsetenv("RINGWAY_CUDA_LEAVE_MS");
    register_backend(cuda::backend());
  }
  void TearDown() override {
    if (runtime) runtime->close();
    kernels.clear();
    runtime.reset();
    EXPECT_EQ(fake().counts().sum(), 0);
    EXPECT_EQ(fake().violations(), std::vector<std::string>());
  }

  // Grids leave every `leave_ms`; 0: when nothing moves.
  void start(const char* leave_ms, double watchdog = 0) {
    setenv("RINGWAY_CUDA_LEAVE_MS", leave_ms, 1);
    RuntimeOptions options;
    options.backend = "cuda";
    options.watchdog = watchdog;
    runtime = Runtime::start(options);
  }
  Kernel& launch(const char* kernel, LaunchOptions options = {}) {
    options.capacity = options.staging_capacity = 16;
    kernels.push_back(runtime->launch(kernel, "", options));
    kernels.back()->activate();
    return *kernels.back();
  }
  static std::string numbered(u32 i) { return "message " + std::to_string(i) + std::string(i % 97, '.'); }
  static void expect_in_order(Kernel& from, u32 count) {
    for (u32 i = 0; i < count; ++i) ASSERT_EQ(receive(from, kPatience), numbered(i)) << "as number " << i;
  }
  static void send_numbered(Kernel& to, u32 count) {
    for (u32 i = 0; i < count; ++i) send(to, numbered(i));
  }
  static u64 count_of(Kernel& faulty) {
    const std::string answer = ask(faulty, "count", kPatience);
    u64 count = 0;
    std::memcpy(&count, answer.data(), sizeof(count));
    return count;
  }
  // What `work` throws; empty when nothing.
  template <class Work>
  std::string error_of(const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      kind = error.kind();
      return error.what();
    }
    return {};
  }

  std::shared_ptr<Runtime> runtime;
  std::vector<std::shared_ptr<Kernel>> kernels;
  ErrorKind kind{};
};

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(CudaRings, AnEchoKeepsOrderAndBytes) {
  start("0");
  Kernel& echo = launch("echo");
  std::thread sender([&] { send_numbered(echo, 500); });
  expect_in_order(echo, 500);
  sender.join();
  EXPECT_EQ(ask(echo, "asked", kPatience), "asked");
}

TEST_F(CudaRings, AChainOfLinksKeepsOrderAndBytes) {
  start("1");
  Kernel &first = launch("relay"), &second = launch("relay"), &last = launch("echo");
  runtime->link(first, second, 16, 120);
  runtime->link(second, last, 16, 120);
  std::thread sender([&] { send_numbered(first, 500); });
  expect_in_order(last, 500);
  sender.join();
}

TEST_F(CudaRings, StateAndQueuesOutliveEachGrid) {
  start("1");
  Kernel& faulty = launch("faulty");
  const u64 before = launches();
  u64 asked = 0;
  for (; launches() < before + 5 || asked < 50; ++asked) ASSERT_EQ(count_of(faulty), asked);
}

TEST_F(CudaRings, KernelsComeAndGoWhileTheGridRuns) {
  start("0");
  LaunchOptions spins;
  spins.idle = Idle::kSpin;
  Kernel& first = launch("echo", spins);
  EXPECT_EQ(ask(first, "1", kPatience), "1");
  const u64 before = launches();
  for (u32 i = 0; i < 20; ++i) {
    Kernel &relay = launch("relay"), &echo = launch("echo");
    runtime->link(relay, echo, 16, 120);
    send(relay, numbered(i));
    EXPECT_EQ(receive(echo, kPatience), numbered(i));
    relay.terminate(true, Wait{});
    echo.terminate(true, Wait{});
  }
  EXPECT_EQ(ask(first, "2", kPatience), "2");
  EXPECT_EQ(launches(), before);
}

TEST_F(CudaRings, AGridWithNothingToDoLeaves) {
  start("0");
  Kernel& echo = launch("echo");
  EXPECT_EQ(ask(echo, "1", kPatience), "1");
  while (fake().counts().grids) std::this_thread::yield();
  EXPECT_EQ(ask(echo, "2", kPatience), "2");
}

TEST_F(CudaRings, WhatLiesInALinkAtTheEndBecomesLetters) {
  start("0");
  Kernel& relay = launch("relay");
  kernels.push_back(runtime->launch("echo", "", {}));
  Kernel& echo = *kernels.back();
  runtime->link(relay, echo, 16, 120);
  send_numbered(relay, 10);
  while (relay.telemetry().control.processed < 10) std::this_thread::yield();
  EXPECT_EQ(echo.terminate(false, Wait{}).left_over, 10U);
  const auto letters = echo.dead_letters().list(false);
  ASSERT_EQ(letters.size(), 10U);
  for (u32 i = 0; i < 10; ++i)
    EXPECT_EQ(std::string(letters[i]->body.begin(), letters[i]->body.end()), numbered(i));
  send_numbered(relay, 17);  // one more than the slots of the link
  while (relay.telemetry().control.dropped_closed < 1) std::this_thread::yield();
}

TEST_F(CudaRings, AGridThatIsTooLargeIsLaunchedSmaller) {
  fake().set_cooperative_blocks(3);
  start("0");
  Kernel& echo = launch("echo");
  EXPECT_EQ(ask(echo, "1", kPatience), "1");
  EXPECT_EQ(launches(), 3U);  // of 8, 4 and 2 blocks
}

TEST_F(CudaRings, ARefusedLaunchFailsTheKernelsByTheirPolicy) {
  start("0");
  LaunchOptions restarts;
  restarts.on_error = OnError::kRestart;
  restarts.restart_backoff = 0;
  kernels.push_back(runtime->launch("echo", "fails", {}));
  kernels.push_back(runtime->launch("echo", "restarts", restarts));
  while (fake().counts().grids) std::this_thread::yield();
  fake().fail("cuLaunchCooperativeKernel", CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  for (auto& kernel : kernels) kernel->activate();
  while (kernels[0]->state() != State::kFailed) std::this_thread::yield();
  EXPECT_TRUE(says(kernels[0]->failure(),
                   "launching the grid of ring kernels, of 8 blocks: CUDA: too many "
                   "resources requested for launch"))
      << kernels[0]->failure();
  EXPECT_EQ(ask(*kernels[1], "1", kPatience), "1");
}

TEST_F(CudaRings, ATrapIsDeviceLostAndNamesTheKernel) {
  start("0");
  Kernel &other = launch("echo"), &echo = launch("echo");
  EXPECT_EQ(ask(other, "1", kPatience), "1");
  fake().trap(CUDA_ERROR_LAUNCH_FAILED);
  const std::string text = error_of([&] { ask(echo, "2", kPatience); });
  EXPECT_EQ(kind, ErrorKind::kDeviceLost) << text;
  EXPECT_TRUE(says(text, "unspecified launch failure (CUDA_ERROR_LAUNCH_FAILED)")) << text;
  EXPECT_TRUE(says(text, "while kernel '" + echo.name() + "' ran")) << text;
  EXPECT_TRUE(says(error_of([&] { ask(other, "3", kPatience); }), "CUDA_ERROR_LAUNCH_FAILED"));
  EXPECT_EQ(kind, ErrorKind::kDeviceLost);
  EXPECT_TRUE(says(error_of([&] { runtime->launch("echo", "", {}); }), "CUDA_ERROR_LAUNCH_FAILED"));
  EXPECT_EQ(kind, ErrorKind::kDeviceLost);
  fake().reset();  // the driver goes on, so that what lives can be counted
}

TEST_F(CudaRings, AHandlerThatHangsIsNamed) {
  start("0", 0.05);
  Kernel& echo = launch("echo");
  EXPECT_EQ(ask(echo, "1", kPatience), "1");
  fake().hang(true);
  send(echo, "2");
  while (!echo.stuck()) std::this_thread::yield();
  const std::string text = error_of([&] { echo.deactivate(); });
  EXPECT_EQ(kind, ErrorKind::kTimeout);
  EXPECT_TRUE(
      says(text, "kernel '" + echo.name() + "' on worker 0 has not returned from its handler for 0.05 s"))
      << text;
  fake().hang(false);
  while (echo.stuck()) std::this_thread::yield();
  EXPECT_EQ(receive(echo, kPatience), "2");
}

}  // namespace
}  // namespace ringway::test
