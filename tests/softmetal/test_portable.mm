// The portable headers run as Metal source, before and from Metal 3.2, in plain and in adversarial order.
#import "softmetal/harness.h"

#include "ringway/atomics_host.h"
#include "ringway/slot_queue.h"
#include "softmetal.h"

using softmetal_test::contents;
using softmetal_test::Device;
using softmetal_test::failure;
using softmetal_test::run;

namespace {

using Host = ringway::HostAtomics<ringway::u32>;

struct Plan {
  unsigned each, producers, looks;
};

class Portable : public testing::TestWithParam<int> {
 protected:
  NSAutoreleasePool* pool = [NSAutoreleasePool new];
  Device device{softmetal_test::embedded("portable.metal").c_str(), GetParam()};
  ~Portable() override {
    softmetal_set_seed(0);
    [pool release];
  }
};

TEST_P(Portable, DispatchKernelsCompute) {
  const unsigned n = 4096 + 7;
  const uint64_t length = n;
  id<MTLBuffer> values = device.buffer(n * 4), doubled = device.buffer(n * 4), total = device.buffer(4);
  float expected = 0;
  for (unsigned i = 0; i < n; ++i) expected += contents<float>(values)[i] = static_cast<float>(i % 13);
  id<MTLCommandBuffer> done = run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:device.pipeline("vector_add_float")];
    [encoder setBuffer:values offset:0 atIndex:0];
    [encoder setBuffer:values offset:0 atIndex:1];
    [encoder setBuffer:doubled offset:0 atIndex:2];
    [encoder dispatchThreads:MTLSizeMake(n, 1, 1) threadsPerThreadgroup:MTLSizeMake(32, 1, 1)];
    [encoder setComputePipelineState:device.pipeline("reduce_sum_float")];
    [encoder setBuffer:doubled offset:0 atIndex:0];
    [encoder setBuffer:total offset:0 atIndex:1];
    [encoder setBytes:&length length:8 atIndex:2];
    [encoder setThreadgroupMemoryLength:48 * 4 + 16 atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(500, 1, 1) threadsPerThreadgroup:MTLSizeMake(48, 1, 1)];
  });
  EXPECT_EQ(failure(done), "");
  EXPECT_EQ(*contents<float>(total), 2 * expected);
}

TEST_P(Portable, MatricesMultiply) {
  const unsigned rows = 21, columns = 19, inner = 35;
  id<MTLBuffer> a = device.buffer(rows * inner * 4), b = device.buffer(inner * columns * 4),
                out = device.buffer(rows * columns * 4);
  for (unsigned i = 0; i < rows * inner; ++i) contents<int>(a)[i] = static_cast<int>(i % 11) - 5;
  for (unsigned i = 0; i < inner * columns; ++i) contents<int>(b)[i] = static_cast<int>(i % 7) - 3;
  id<MTLCommandBuffer> done = run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:device.pipeline("matrix_multiply_int")];
    [encoder setBuffer:a offset:0 atIndex:0];
    [encoder setBuffer:b offset:0 atIndex:1];
    [encoder setBuffer:out offset:0 atIndex:2];
    [encoder setBytes:&inner length:4 atIndex:3];
    [encoder setThreadgroupMemoryLength:2 * 16 * 8 * 4 atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(columns, rows, 1) threadsPerThreadgroup:MTLSizeMake(8, 8, 1)];
  });
  EXPECT_EQ(failure(done), "");
  for (unsigned y = 0; y < rows; ++y) {
    for (unsigned x = 0; x < columns; ++x) {
      int sum = 0;
      for (unsigned k = 0; k < inner; ++k)
        sum += contents<int>(a)[y * inner + k] * contents<int>(b)[k * columns + x];
      ASSERT_EQ(contents<int>(out)[y * columns + x], sum);
    }
  }
}

TEST_P(Portable, AQueueLosesNothingInAnyOrder) {
  const bool sealed = GetParam() < 32;
  for (uint64_t seed = 0; seed <= 10; ++seed) {
    softmetal_set_seed(seed);
    const Plan plan{40, 2, 24};
    const unsigned total = plan.each * plan.producers, capacity = 16, groups = 4;
    id<MTLBuffer> memory = device.buffer(sizeof(ringway::QueueHeader<Host>) + capacity * 64, "queue");
    id<MTLBuffer> progress = device.buffer(groups * 4), seen = device.buffer(total * 4),
                  wrong = device.buffer(4);
    auto* header = contents<ringway::QueueHeader<Host>>(memory);
    ringway::create<Host>(header, reinterpret_cast<ringway::u8*>(header + 1), capacity, 64, 0xffffffc0u);
    const unsigned* done = contents<unsigned>(progress);
    for (unsigned slice = 0; slice < 5000 && done[2] + done[3] < total; ++slice) {
      @autoreleasepool {
        id<MTLCommandBuffer> buffer = run(device, [&](id<MTLComputeCommandEncoder> encoder) {
          [encoder setComputePipelineState:device.pipeline("exchange")];
          [encoder setBuffer:memory offset:0 atIndex:0];
          [encoder setBuffer:progress offset:0 atIndex:1];
          [encoder setBuffer:seen offset:0 atIndex:2];
          [encoder setBuffer:wrong offset:0 atIndex:3];
          [encoder setBytes:&plan length:sizeof plan atIndex:4];
          [encoder dispatchThreadgroups:MTLSizeMake(groups, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
          if (!sealed) return;
          [encoder setComputePipelineState:device.pipeline("seal_queue")];
          [encoder dispatchThreads:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
        });
        ASSERT_EQ(failure(buffer), "");
      }
    }
    EXPECT_EQ(*contents<unsigned>(wrong), 0u) << "seed " << seed;
    for (unsigned i = 0; i < total; ++i) ASSERT_EQ(contents<unsigned>(seen)[i], 1u) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Metal, Portable, testing::Values(30, 32),
                         [](const auto& version) { return std::to_string(version.param); });

}  // namespace
