// What the driver, other libraries and handlers may do to the grid of ring kernels.
#include <atomic>
#include <vector>

#include "backends/cuda/ring_block.h"
#include "cuda/rings_harness.h"

namespace ringway::test {
namespace {

using fake_cuda::Control;

TEST_F(CudaRings, ALaunchThatIsAlwaysRefusedIsAnErrorForWhoWaits) {
  start("0");
  Kernel& works = launch("echo");
  EXPECT_EQ(ask(works, "1", kPatience), "1");
  while (fake().counts().grids) std::this_thread::yield();
  fake().fail("cuLaunchCooperativeKernel", CUDA_ERROR_NOT_SUPPORTED, 0, Control::kAlways);
  const u64 before = launches();
  kernels.push_back(runtime->launch("relay", "", {}));
  kernels.push_back(runtime->launch("echo", "", {}));
  Kernel &from = *kernels[1], &to = *kernels[2];
  EXPECT_TRUE(says(error_of([&] { runtime->link(from, to, 16, 120); }),
                   "launching the grid of ring kernels, of 8 blocks: CUDA: "));
  EXPECT_EQ(kind, ErrorKind::kBackendUnavailable);
  while (works.state() != State::kFailed) std::this_thread::yield();
  from.activate();
  while (from.state() != State::kFailed) std::this_thread::yield();
  EXPECT_LT(launches() - before, 200U);
  to.terminate(false, Wait{});
  fake().reset();
  EXPECT_EQ(ask(launch("echo"), "2", kPatience), "2");
}

TEST_F(CudaRings, ClosingNeedsNoGrid) {
  start("0");
  Kernel& relay = launch("relay");
  kernels.push_back(runtime->launch("echo", "", {}));
  runtime->link(relay, *kernels.back(), 16, 120);
  send_numbered(relay, 5);
  while (relay.telemetry().control.processed < 5) std::this_thread::yield();
  while (fake().counts().grids) std::this_thread::yield();
  fake().fail("cuLaunchCooperativeKernel", CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, 0, Control::kAlways);
  EXPECT_EQ(kernels.back()->terminate(false, Wait{}).left_over, 5U);
  runtime->close();
}

TEST_F(CudaRings, AGridWithoutAnEventIsWaitedForNevertheless) {
  start("1");
  fake().fail("cuEventRecord", CUDA_ERROR_OUT_OF_MEMORY, 1, 3);
  fake().fail("cuEventSynchronize", CUDA_ERROR_OUT_OF_MEMORY, 8);
  Kernel& faulty = launch("faulty");
  for (u64 asked = 0; launches() < 20 || asked < 20; ++asked) ASSERT_EQ(count_of(faulty), asked);
  EXPECT_LE(fake().counts().grids, 1);
}

TEST_F(CudaRings, EveryErrorThatAContextKeepsIsDeviceLost) {
  constexpr int kContained = 226;
  for (const int code : {kContained, int(CUDA_ERROR_NVLINK_UNCORRECTABLE), int(CUDA_ERROR_UNKNOWN),
                         int(CUDA_ERROR_MPS_RPC_FAILURE), int(CUDA_ERROR_MPS_CLIENT_TERMINATED)}) {
    start("0");
    Kernel& echo = launch("echo");
    fake().trap(CUresult(code));
    const std::string text = error_of([&] { ask(echo, "1", kPatience); });
    EXPECT_EQ(kind, ErrorKind::kDeviceLost) << text;
    EXPECT_TRUE(says(text, "the device is of no use to this process any more")) << text;
    runtime->close();
    fake().reset();
    kernels.clear();
    runtime.reset();
  }
}

TEST_F(CudaRings, AHungHandlerIsDeviceLostForItsRuntimeAlone) {
  start("5", 0.1);
  Kernel &first = launch("echo"), &hung = launch("echo"), &last = launch("echo");
  EXPECT_EQ(ask(first, "1", kPatience), "1");
  fake().hang_next(true);
  const std::string text = error_of([&] { ask(hung, "2", kPatience); });
  EXPECT_EQ(kind, ErrorKind::kDeviceLost) << text;
  EXPECT_TRUE(
      says(text, "kernel '" + hung.name() + "' on worker 1 has not returned from its handler for 0.1 s"))
      << text;
  for (Kernel* other : {&first, &last}) {
    EXPECT_FALSE(other->stuck());
    EXPECT_TRUE(says(error_of([&] { ask(*other, "3", kPatience); }), "kernel '" + hung.name() + "'"));
    EXPECT_EQ(kind, ErrorKind::kDeviceLost);
  }
  const auto host = test::start();
  const auto echo = host->launch("echo", "", {});
  echo->activate();
  EXPECT_EQ(ask(*echo, "4", kPatience), "4");
  host->close();
  // And what the handler uses lives until it returns.
  runtime->close();
  kernels.clear();
  runtime.reset();
  EXPECT_GT(fake().counts().device_blocks, 0);
  EXPECT_GT(fake().counts().modules, 0);
  fake().hang_next(false);
  while (fake().counts().sum()) std::this_thread::yield();
}

TEST_F(CudaRings, TheGridLeavesUnderALockOfTheDriversThatWaitsForIt) {
  start("5");
  LaunchOptions spins;
  spins.idle = Idle::kSpin;
  Kernel& echo = launch("echo", spins);
  for (u32 i = 0; i < 10; ++i) {
    EXPECT_EQ(ask(echo, "1", kPatience), "1");
    ASSERT_TRUE(fake().wait_for_device());
  }
}

TEST_F(CudaRings, ABlockLeavesByItsOwnClockToo) {
  RingCommand command{};
  struct Clock {
    static u64& at() {
      static u64 ns = 0;
      return ns;
    }
    static u64 now() { return at(); }
  };
  RingBlock<Clock> block{{}, 0, 1, 0};
  block.grid.command = &command;
  block.grid.number = 7;
  block.grid.turn_ns = 1000;
  Clock::at() = 5000;
  block.begin();
  EXPECT_EQ(command.began, 7U);
  Clock::at() = 5999;
  EXPECT_FALSE(block.leaves());
  Clock::at() = 6000;
  EXPECT_TRUE(block.leaves());
  block.grid.turn_ns = 0;
  block.begin();
  Clock::at() = u64(1) << 62;
  EXPECT_FALSE(block.leaves());
  command.leave = 1;
  EXPECT_TRUE(block.leaves());
}

TEST_F(CudaRings, LaunchesMayReturnWithTheGridsEndOnly) {
  fake().set_launch_blocking(true);
  start("5");
  Kernel &relay = launch("relay"), &echo = launch("echo");
  runtime->link(relay, echo, 16, 120);
  std::thread sender([&] { send_numbered(relay, 100); });
  expect_in_order(echo, 100);
  sender.join();
}

TEST_F(CudaRings, AMessageThatIsOnItsWayWhenItsReceiverEndsBecomesALetter) {
  start("0");
  Kernel &relay = launch("relay"), &echo = launch("echo");
  runtime->link(relay, echo, 16, 120);
  fake().hold_commits(true);
  send(relay, "late");
  while (!fake().held_commits()) std::this_thread::yield();
  std::atomic<bool> over{false};
  std::thread ends([&] {
    EXPECT_EQ(echo.terminate(false, Wait{}).left_over, 1U);
    over = true;
  });
  for (int i = 0; i < 100 && !over; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(over);
  fake().hold_commits(false);
  ends.join();
  const auto letters = echo.dead_letters().list(false);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(std::string(letters[0]->body.begin(), letters[0]->body.end()), "late");
}

// A seat whose handler always has something to do.
struct BusySeat {
  SliceControl image{}, control{};
};
struct CountingHandlers {
  static u64& clock() {
    static u64 ns = 0;
    return ns;
  }
  static std::vector<u32>& served() {
    static std::vector<u32> numbers;
    return numbers;
  }
  static u64 now() { return clock(); }
  static void run(u32 number, SliceControl* control) {
    served().push_back(number);
    EXPECT_LE(control->order.quantum, 32U);
    control->report.last_round = control->round;
    clock() += 100;
  }
};

TEST_F(CudaRings, ATurnEndsWithItsTimeAndTheNextGridGoesOnThere) {
  constexpr u32 kSeats = 3;
  RingCommand command{};
  std::vector<RingSeat> seats(kSeats);
  std::vector<RingResident> resident(kSeats);
  std::vector<BusySeat> busy(kSeats);
  RingBlock<CountingHandlers> block{{}, 0, 1, 0};
  block.grid = {&command, seats.data(), resident.data(), nullptr, 0, 1, 250};
  command.seats = kSeats;
  for (u32 i = 0; i < kSeats; ++i) {
    RingOrder& order = seats[i].order;
    busy[i].image.report.under_way = 1;
    order.handler = i + 1;
    order.install = 1;
    order.control = reinterpret_cast<u64>(&busy[i].control);
    order.image = reinterpret_cast<u64>(&busy[i].image);
    order.slice.quantum = 64;
    HostLinkAtomics::store_publish(&seats[i].ordered, 1, 0);
  }
  auto& served = CountingHandlers::served();
  block.begin();
  block.turn();
  EXPECT_EQ(served, (std::vector<u32>{1, 1, 2}));
  EXPECT_TRUE(block.leaves());
  block.begin();
  block.turn();
  EXPECT_EQ(served, (std::vector<u32>{1, 1, 2, 3, 3, 1}));
  block.grid.turn_ns = 0;
  block.begin();
  block.turn();
  EXPECT_EQ(served, (std::vector<u32>{1, 1, 2, 3, 3, 1, 2, 2, 3, 3, 1, 1}));
}

TEST_F(CudaRings, SeatsThatAreFreeAreNotLookedAt) {
  fake().set_cooperative_blocks(64);
  start("0");
  for (u32 i = 0; i < 20; ++i) EXPECT_EQ(ask(launch("echo"), "1", kPatience), "1");
  while (fake().counts().grids) std::this_thread::yield();
  EXPECT_EQ(ask(*kernels.front(), "2", kPatience), "2");
  EXPECT_EQ(fake().grid_blocks(), 32U);
  while (kernels.size() > 1) {
    kernels.back()->terminate(false, Wait{});
    kernels.pop_back();
  }
  while (fake().counts().grids) std::this_thread::yield();
  EXPECT_EQ(ask(*kernels.front(), "3", kPatience), "3");
  EXPECT_EQ(fake().grid_blocks(), 8U);
}

}  // namespace
}  // namespace ringway::test
