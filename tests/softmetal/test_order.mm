// Orders that a GPU may choose: the seed decides, and mistakes that need another order show.
#import "softmetal/harness.h"

#include <set>

#include "softmetal.h"

using softmetal_test::contents;
using softmetal_test::Device;
using softmetal_test::failure;
using softmetal_test::run;

namespace {

constexpr uint64_t kSeeds = 200;

class Order : public testing::Test {
 protected:
  NSAutoreleasePool* pool = [NSAutoreleasePool new];
  id<MTLBuffer> first = nil, second = nil;
  ~Order() override {
    softmetal_set_seed(0);
    softmetal_set_resident(0);
    softmetal_set_timeout(10);
    [pool release];
  }
  static Device with(NSString* macro) {
    NSDictionary* macros = macro ? [NSDictionary dictionaryWithObject:@"1" forKey:macro] : nil;
    return Device(softmetal_test::embedded("order.metal").c_str(), 32, macros);
  }
  // Two threadgroups of one thread over two fresh buffers.
  std::string dispatch(const Device& device, const char* name) {
    first = device.buffer(64);
    second = device.buffer(64);
    return failure(run(device, [&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline(name)];
      [encoder setBuffer:first offset:0 atIndex:0];
      [encoder setBuffer:second offset:0 atIndex:1];
      [encoder dispatchThreadgroups:MTLSizeMake(2, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
    }));
  }
};

TEST_F(Order, AWaitForAnotherThreadgroupTimesOut) {
  const Device device = with(nil);
  softmetal_set_timeout(0.05);
  softmetal_set_resident(1);
  int timeouts = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    softmetal_set_seed(seed);
    const std::string what = dispatch(device, "wait_for_the_other");
    timeouts += what.find("another threadgroup may never run") != std::string::npos;
  }
  EXPECT_GT(timeouts, 0);
}

TEST_F(Order, StoresComeLateUntilAFence) {
  const Device loose = with(nil), fenced = with(@"FENCE");
  int neither = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    softmetal_set_seed(seed);
    ASSERT_EQ(dispatch(loose, "flags"), "");
    neither += contents<unsigned>(second)[0] == 0 && contents<unsigned>(second)[1] == 0;
    EXPECT_EQ(contents<unsigned>(first)[0] + contents<unsigned>(first)[1], 2u);  // all are there in the end
    ASSERT_EQ(dispatch(fenced, "flags"), "");
    EXPECT_FALSE(contents<unsigned>(second)[0] == 0 && contents<unsigned>(second)[1] == 0) << "seed " << seed;
  }
  EXPECT_GT(neither, 0) << "store buffering is allowed without a fence and was never seen";
}

TEST_F(Order, AThreadSeesItsOwnStores) {
  const Device device = with(nil);
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    softmetal_set_seed(seed);
    ASSERT_EQ(dispatch(device, "store_load"), "");
    EXPECT_EQ(contents<unsigned>(second)[0], 3u);
    EXPECT_GE(contents<unsigned>(second)[1], 4u);
  }
}

TEST_F(Order, PublishingBeforeWritingIsSeen) {
  const Device good = with(nil), bad = with(@"PUBLISH_FIRST");
  int wrong = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    softmetal_set_seed(seed);
    ASSERT_EQ(dispatch(good, "hand_over"), "");
    const unsigned taken = contents<unsigned>(second)[0];
    EXPECT_TRUE(taken == 0 || taken == 42) << "seed " << seed;
    dispatch(bad, "hand_over");
    wrong += contents<unsigned>(second)[0] == 0 && contents<unsigned>(first)[0] == 1;
  }
  EXPECT_GT(wrong, 0);
}

TEST_F(Order, ADroppedBarrierIsSeen) {
  const auto wrong_results = [&](const Device& device) {
    int wrong = 0;
    id<MTLBuffer> out = device.buffer(256);
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      softmetal_set_seed(seed);
      run(device, [&](id<MTLComputeCommandEncoder> encoder) {
        [encoder setComputePipelineState:device.pipeline("neighbour")];
        [encoder setBuffer:out offset:0 atIndex:0];
        [encoder setThreadgroupMemoryLength:256 atIndex:0];
        [encoder dispatchThreads:MTLSizeMake(64, 1, 1) threadsPerThreadgroup:MTLSizeMake(64, 1, 1)];
      });
      for (unsigned i = 0; i < 64; ++i) wrong += contents<unsigned>(out)[i] != (i + 1) % 64;
    }
    return wrong;
  };
  EXPECT_EQ(wrong_results(with(nil)), 0);
  EXPECT_GT(wrong_results(with(@"DROP_BARRIER")), 0);
}

TEST_F(Order, AForgottenWaitReadsOldResults) {
  const Device device = with(nil);
  int early = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    softmetal_set_seed(seed);
    id<MTLBuffer> out = device.buffer(4);
    id<MTLCommandBuffer> buffer = [device.queue commandBuffer];
    id<MTLComputeCommandEncoder> encoder = [buffer computeCommandEncoder];
    [encoder setComputePipelineState:device.pipeline("count_plainly")];
    [encoder setBuffer:out offset:0 atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
    [encoder endEncoding];
    [buffer commit];
    early += *const_cast<volatile unsigned*>(contents<unsigned>(out)) == 0;
    [buffer waitUntilCompleted];
    EXPECT_EQ(*contents<unsigned>(out), 1u);
  }
  EXPECT_GT(early, 0);
}

TEST_F(Order, ConcurrentDispatchesOfAnEncoderHaveNoOrder) {
  const Device device = with(nil);
  std::set<unsigned> seen;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    softmetal_set_seed(seed);
    for (const bool barrier : {false, true}) {
      id<MTLBuffer> words = device.buffer(64), out = device.buffer(64);
      id<MTLCommandBuffer> buffer = [device.queue commandBuffer];
      id<MTLComputeCommandEncoder> encoder =
          [buffer computeCommandEncoderWithDispatchType:MTLDispatchTypeConcurrent];
      [encoder setComputePipelineState:device.pipeline("store_load")];
      [encoder setBuffer:words offset:0 atIndex:0];
      [encoder setBuffer:out offset:0 atIndex:1];
      [encoder dispatchThreads:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
      if (barrier) [encoder memoryBarrierWithScope:MTLBarrierScopeBuffers];
      [encoder setComputePipelineState:device.pipeline("count_plainly")];
      [encoder dispatchThreads:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
      [encoder endEncoding];
      [buffer commit];
      [buffer waitUntilCompleted];
      if (barrier) {
        EXPECT_EQ(*contents<unsigned>(words), 6u) << "seed " << seed;
      } else {
        seen.insert(*contents<unsigned>(words));
      }
    }
  }
  EXPECT_GT(seen.size(), 1u);
}

}  // namespace
