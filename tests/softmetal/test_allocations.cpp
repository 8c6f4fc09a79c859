// What the backend allocates for a dispatch and for a command buffer of slices, when it has had some: nothing by `new`. What
// Metal's objects take is Metal's, and a block holds the listener of each command buffer.
#include <chrono>
#include <thread>

#include "backends/metal/backend.h"
#include "native/runtime_harness.h"
#include "softmetal.h"
#include "softmetal/allocations.h"
#include "softmetal/backend.h"

namespace {

using metal_test::allocations;
using metal_test::Device;
using metal_test::word;
using namespace ringway;
using namespace ringway::test;

TEST(Allocations, NoneForADispatch) {
  Device device;
  u32* const values = device.buffer<u32>(10);
  DispatchRequest request;
  request.kernel = &dispatch_kernel("double_in_place");
  request.element = DType::kU32;
  request.grid = {{10, 1, 1}, {4, 1, 1}, {3, 1, 1}};
  request.words[0] = word(values);
  const auto run = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const auto job = device.dispatcher().start(request, true);
      ASSERT_TRUE(job->wait(Wait::seconds(20)));
      job->check();
    }
  };
  const long none = allocations();
  run(50);
  const long first = allocations();
  EXPECT_GT(first, none) << "nothing is counted";
  run(200);
  // Where a thread of Metal's is late to let go of a job, the next one needs another place.
  EXPECT_LT(allocations() - first, 20) << "in 200 dispatches";
}

// A message in each command buffer; the bridge copies its answer out.
TEST(Allocations, NoneForSlices) {
  register_backend(metal::backend());
  const auto runtime = Runtime::start({.backend = "metal"});
  LaunchOptions options;
  options.capacity = options.staging_capacity = 1024;
  options.slot_size = 128;
  options.batch = 1;
  auto echo = runtime->launch("echo", "", options);
  echo->activate();
  softmetal_set_gpu_time(1);  // far too long: they have one round
  const auto made = [] { return softmetal_made_objects("SMCommandBuffer"); };
  const auto run = [&](long messages) {
    softmetal_hold(1);
    const long before = made();
    const u64 on_device = echo->telemetry().bridge->to_device + u64(messages);
    for (long i = 0; i < messages; ++i) send(*echo, "message");
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (echo->telemetry().bridge->to_device < on_device && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    const long allocated = allocations();
    softmetal_hold(0);
    while (made() < before + messages && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_GE(made(), before + messages);
    return allocations() - allocated;
  };
  run(100);
  const long allocated = run(200);
  runtime->close();
  softmetal_set_gpu_time(0);
  EXPECT_LT(allocated, 20) << "in 200 command buffers";
}

}  // namespace
