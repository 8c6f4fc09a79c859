// Dispatches of the Metal backend on the software Metal device, in plain and in adversarial order.
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>

#include "backends/metal/dispatcher.h"
#include "softmetal.h"
#include "softmetal/backend.h"

namespace {

using metal_test::Device;
using metal_test::left;
using metal_test::Thrown;
using metal_test::word;
using namespace ringway;

class Dispatches : public testing::TestWithParam<int> {
 protected:
  Dispatches() { softmetal_set_seed(u64(GetParam())); }
  ~Dispatches() override {
    softmetal_set_seed(0);
    softmetal_set_timeout(10);
  }
  Device device;
};

TEST_P(Dispatches, AddVectors) {
  constexpr u64 kSize = 1000;
  float* const a = device.buffer<float>(kSize);
  float* const b = device.buffer<float>(kSize);
  float* const out = device.buffer<float>(kSize + 1);
  for (u64 i = 0; i < kSize; ++i) {
    a[i] = float(i);
    b[i] = 0.5f;
  }
  out[kSize] = 7;
  EXPECT_EQ(device.run("vector_add", DType::kF32, kSize, 96, {word(a), word(b), word(out)}).text, "");
  for (u64 i = 0; i < kSize; ++i) ASSERT_EQ(out[i], float(i) + 0.5f) << "element " << i;
  EXPECT_EQ(out[kSize], 7);
}

TEST_P(Dispatches, SumInThreadgroupMemory) {
  for (const u64 size : {1, 63, 4096}) {
    u32* const values = device.buffer<u32>(size);
    u32* const total = device.buffer<u32>(1);
    std::iota(values, values + size, 1);
    EXPECT_EQ(device.run("reduce_sum", DType::kU32, 200, 48, {word(values), word(total), size}).text, "");
    EXPECT_EQ(*total, u32(size * (size + 1) / 2))
        << "the sum of 1 to " << size << ", under seed " << GetParam();
  }
}

TEST_P(Dispatches, SumOfACallersArrays) {
  std::vector<u32> values(63), total(1);
  std::iota(values.begin(), values.end(), 1);
  EXPECT_EQ(
      device.run("reduce_sum", DType::kU32, 200, 48, {word(values.data()), word(total.data()), 63}).text, "");
  EXPECT_EQ(total[0], 63u * 64 / 2);
}

TEST_P(Dispatches, Sum64BitsByTwoHalves) {
  constexpr u64 kSize = 512;
  u64* const values = device.buffer<u64>(kSize);
  u64* const total = device.buffer<u64>(1);
  u64 wanted = *total = ~u64(0) << 8;
  std::mt19937_64 random(3);
  for (u64 i = 0; i < kSize; ++i) wanted += values[i] = random();
  EXPECT_EQ(device.run("reduce_sum", DType::kU64, kSize, 16, {word(values), word(total), kSize}).text, "");
  EXPECT_EQ(*total, wanted);
}

TEST_P(Dispatches, ScanInTwoPasses) {
  constexpr u64 kSize = 777;
  i32* const values = device.buffer<i32>(kSize);
  i32* const out = device.buffer<i32>(kSize);
  i32* const sums = device.buffer<i32>(8);
  std::iota(values, values + kSize, -100);
  EXPECT_EQ(
      device.run("inclusive_scan", DType::kI32, 120, 16, {word(values), word(out), word(sums), kSize}).text,
      "");
  i32 sum = 0;
  for (u64 i = 0; i < kSize; ++i) ASSERT_EQ(out[i], sum += values[i]) << "element " << i;
}

TEST_P(Dispatches, RunInOrderWhereverTheirMemoryLies) {
  constexpr u64 kSize = 300;
  u32* const in_pool = device.buffer<u32>(kSize);
  std::vector<u32> on_heap(kSize, 1);
  std::fill(in_pool, in_pool + kSize, 1);
  std::vector<std::shared_ptr<DispatchJob>> started;
  const auto start = [&](u32* a, u32* b, u32* out) {
    started.push_back(device.start("vector_add", DType::kU32, kSize, 32, {word(a), word(b), word(out)}));
  };
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 3; ++j) start(in_pool, in_pool, in_pool);
    start(on_heap.data(), in_pool, on_heap.data());
    start(on_heap.data(), on_heap.data(), in_pool);
  }
  u32 pool = 1, heap = 1;
  for (int i = 0; i < 4; ++i) {
    pool *= 8;
    heap += pool;
    pool = 2 * heap;
  }
  for (const auto& job : started) EXPECT_EQ(Device::end(job).text, "");
  for (u64 i = 0; i < kSize; ++i) {
    ASSERT_EQ(in_pool[i], pool) << "element " << i;
    ASSERT_EQ(on_heap[i], heap) << "element " << i;
  }
}

// What is written behind the end of the last one may come after it is waited for: another one ends first.
TEST_P(Dispatches, AreInTheLogWithGridGroupBindingsAndEnd) {
  u32* const values = device.buffer<u32>(100);
  u32* const total = device.buffer<u32>(1);
  std::vector<float> on_heap(10, 1);
  const std::string said = metal_test::log_of([&] {
    EXPECT_EQ(device.run("reduce_sum", DType::kU32, 100, 48, {word(values), word(total), 99}).text, "");
    const float factor = 2.5f;
    u64 bits = 0;
    std::memcpy(&bits, &factor, sizeof(factor));
    EXPECT_EQ(
        device.run("vector_scale", DType::kF32, 10, 4, {word(on_heap.data()), word(on_heap.data()), bits})
            .text,
        "");
    EXPECT_EQ(device.run("double_in_place", DType::kU32, 1, 1, {word(values)}).text, "");
  });
  EXPECT_SAYS(said,
              "reduce_sum<uint32>: threads (100, 1, 1) in groups of (48, 1, 1), 192 bytes of threadgroup "
              "memory; values: 396 bytes in the pool, total: 4 bytes in the pool, n = 99\n");
  EXPECT_SAYS(said, "; a: 40 bytes copied in and out, out: 40 bytes as before, factor = 2.5\n");
  EXPECT_SAYS(said, "192 bytes of threadgroup memory; ");
  const std::size_t ended = said.find("µs on the GPU, completed");
  EXPECT_NE(ended, std::string::npos) << said;
}

INSTANTIATE_TEST_SUITE_P(Seed, Dispatches, testing::ValuesIn(metal_test::orders(0, 8)),
                         [](const auto& seed) { return std::to_string(seed.param); });

class Faults : public testing::Test {
 protected:
  ~Faults() override { softmetal_set_timeout(10); }
  Device device;

  bool works() {
    u32* const values = device.buffer<u32>(10);
    std::fill(values, values + 10, 4);
    const Thrown thrown = device.run("double_in_place", DType::kU32, 10, 4, {word(values)});
    return !thrown.any && values[9] == 8;
  }
};

TEST_F(Faults, AnAccessBeyondABufferIsAnErrorAndTheDeviceGoesOn) {
  DispatchKernel wrong = dispatch_kernel("double_in_place");
  wrong.arguments[0].least = [](const SizeOf&) -> u64 { return 10; };
  std::vector<u32> values(10, 1);
  const Thrown thrown =
      Device::end(device.start(wrong, DType::kU32, {1u << 20, 1, 1}, {64, 1, 1}, {word(values.data())}));
  EXPECT_EQ(thrown.kind, ErrorKind::kHandler);
  EXPECT_SAYS(thrown.text, "double_in_place<uint32>: threads (1048576, 1, 1)");
  EXPECT_SAYS(thrown.text, "page fault");
  EXPECT_SAYS(thrown.text, "past the end of values[0], Buffer(0) 'values'");
  EXPECT_EQ(values, std::vector<u32>(10, 1));
  EXPECT_TRUE(works());
}

TEST_F(Faults, TooLittleThreadgroupMemoryIsAnError) {
  DispatchKernel wrong = dispatch_kernel("reduce_sum");
  wrong.group_bytes = [](const SizeOf&, u32) -> u64 { return 64; };
  u32* const values = device.buffer<u32>(256);
  u32* const total = device.buffer<u32>(1);
  const Thrown thrown = Device::end(
      device.start(wrong, DType::kU32, {256, 1, 1}, {256, 1, 1}, {word(values), word(total), 256}));
  EXPECT_TRUE(thrown.any);
  EXPECT_SAYS(thrown.text, "past the end of threadgroup memory at index 0 (64 bytes)");
  EXPECT_TRUE(works());
}

TEST_F(Faults, ThreadgroupMemoryBeyondTheDeviceIsRefused) {
  DispatchKernel wrong = dispatch_kernel("reduce_sum");
  wrong.group_bytes = [](const SizeOf&, u32) -> u64 { return 40'000; };
  u32* const values = device.buffer<u32>(1);
  const Thrown thrown = metal_test::thrown_by(
      [&] { device.start(wrong, DType::kU32, {1, 1, 1}, {1, 1, 1}, {word(values), word(values), 1}); });
  EXPECT_EQ(thrown.kind, ErrorKind::kDispatch);
  EXPECT_SAYS(
      thrown.text,
      "reduce_sum: groups need 40000 bytes of threadgroup memory; on Software Metal device there are 32768");
}

TEST_F(Faults, GroupsBeyondTheDeviceAreRefused) {
  u32* const out = device.buffer<u32>(2048);
  const Thrown thrown =
      metal_test::thrown_by([&] { device.start("thread_id", DType::kU32, 2048, 2048, {word(out)}); });
  EXPECT_EQ(thrown.kind, ErrorKind::kDispatch);
  EXPECT_SAYS(thrown.text,
              "thread_id: groups have 2048 threads; on Software Metal device this kernel has at most 1024");
}

TEST_F(Faults, ATimeOutIsAnErrorAndThoseBehindItRun) {
  constexpr u64 kInner = 400'000;
  const std::vector<float> a(64 * kInner, 1), b(64 * kInner, 1);
  std::vector<float> out(64 * 64);
  softmetal_set_timeout(0.05);
  const auto multiply = device.start(dispatch_kernel("matrix_multiply"), DType::kF32, {64, 64, 1},
                                     {16, 16, 1}, {word(a.data()), word(b.data()), word(out.data()), kInner});
  u32* const values = device.buffer<u32>(10);
  std::fill(values, values + 10, 4);
  const auto behind = device.start("double_in_place", DType::kU32, 10, 4, {word(values)});
  const Thrown thrown = Device::end(multiply);
  EXPECT_EQ(thrown.kind, ErrorKind::kHandler);
  EXPECT_SAYS(thrown.text, "(MTLCommandBufferErrorDomain 2)");
  EXPECT_EQ(Device::end(behind).text, "");
  EXPECT_EQ(values[9], 8u);
}

TEST_F(Faults, CancelledDispatchesThatHaveNotBegunDoNotRun) {
  constexpr u64 kInner = 5'000;
  const std::vector<float> a(64 * kInner, 1), b(64 * kInner, 1);
  std::vector<float> out(64 * 64);
  const auto multiply = device.start(dispatch_kernel("matrix_multiply"), DType::kF32, {64, 64, 1},
                                     {16, 16, 1}, {word(a.data()), word(b.data()), word(out.data()), kInner});
  std::vector<u32> values(10, 4);
  const auto behind = device.start("double_in_place", DType::kU32, 10, 4, {word(values.data())});
  device.dispatcher().cancel(*behind);
  EXPECT_TRUE(behind->done());
  const Thrown thrown = Device::end(behind);
  EXPECT_EQ(thrown.kind, ErrorKind::kClosed);
  EXPECT_EQ(thrown.text, "double_in_place: the dispatch was cancelled");
  EXPECT_EQ(Device::end(multiply).text, "");
  EXPECT_EQ(out[4095], kInner);
  EXPECT_EQ(values[9], 4u);
}

TEST_F(Faults, AnOptionThatAGpuLacksIsRefused) {
  const Thrown thrown = metal_test::thrown_by([] { metal::open_dispatcher(3); });
  EXPECT_EQ(thrown.kind, ErrorKind::kInvalidOption);
  EXPECT_SAYS(thrown.text, "workers is 3");
}

TEST_F(Faults, BuffersAreKeptForTheNextDispatchAndNothingIsLeft) {
  u32* const in_pool = device.buffer<u32>(5000);
  std::vector<u32> on_heap(5000, 1);
  const auto some = [&] {
    for (int i = 0; i < 20; ++i) {
      device.run("vector_add", DType::kU32, 5000, 64,
                 {word(in_pool), word(on_heap.data()), word(on_heap.data())});
      device.run("double_in_place", DType::kU32, 5000, 64, {word(in_pool)});
    }
  };
  some();
  const long buffers = softmetal_live_objects("SMBuffer");
  some();
  EXPECT_LE(softmetal_live_objects("SMBuffer"), buffers);
  EXPECT_EQ(left("SMComputeEncoder"), 0);
}

TEST(PrivateMemory, GoesInAndOut) {
  constexpr u64 kSize = 999;
  {
    Device device;
    Dispatcher& dispatcher = device.dispatcher();
    const std::shared_ptr<u8> hidden = dispatcher.take_private(kSize * sizeof(u32));
    std::vector<u32> values(kSize), out(kSize, 7);
    std::iota(values.begin(), values.end(), 0);
    const auto to_bytes = [](std::vector<u32>& all) { return reinterpret_cast<u8*>(all.data()); };
    EXPECT_EQ(Device::end(dispatcher.start_copy(to_bytes(out), hidden.get(), kSize * 4)).text, "");
    EXPECT_EQ(out, std::vector<u32>(kSize)) << "it is not zero";
    const auto in = dispatcher.start_copy(hidden.get(), to_bytes(values), kSize * 4);
    const auto job = device.start("double_in_place", DType::kU32, kSize, 64, {word(hidden.get())});
    const auto back = dispatcher.start_copy(to_bytes(out), hidden.get(), kSize * 4);
    for (const auto& one : {in, job, back}) EXPECT_EQ(Device::end(one).text, "");
    for (u64 i = 0; i < kSize; ++i) ASSERT_EQ(out[i], 2 * i) << "element " << i;
    const Thrown thrown =
        metal_test::thrown_by([&] { dispatcher.start_copy(to_bytes(out), to_bytes(values), 4); });
    EXPECT_SAYS(thrown.text, "neither side is a private buffer of the device");
  }
  EXPECT_EQ(left("SMBuffer"), 0);
}

TEST(Life, ADeviceLeavesNoObjectOfMetals) {
  {
    Device device;
    u32* const values = device.buffer<u32>(10);
    EXPECT_EQ(device.run("double_in_place", DType::kU32, 10, 4, {word(values)}).text, "");
  }
  EXPECT_EQ(left(nullptr), 0);
}

TEST(Life, ADeviceThatClosesEndsWhatWaits) {
  constexpr u64 kInner = 5'000;
  const std::vector<float> a(64 * kInner, 1), b(64 * kInner, 1);
  std::vector<float> out(64 * 64);
  std::vector<std::shared_ptr<DispatchJob>> started;
  {
    Device device;
    for (int i = 0; i < 3; ++i) {
      started.push_back(device.start(dispatch_kernel("matrix_multiply"), DType::kF32, {64, 64, 1},
                                     {16, 16, 1},
                                     {word(a.data()), word(b.data()), word(out.data()), kInner}));
    }
  }
  for (const auto& job : started) {
    ASSERT_TRUE(job->done());
    EXPECT_EQ(Device::end(job).kind, ErrorKind::kClosed);
  }
}

}  // namespace
