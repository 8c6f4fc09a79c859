// ThreadSanitizer over the kernels: GPU threads, threadgroups and the host, each with its own mistakes.
#import "softmetal/harness.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "softmetal.h"

namespace {

std::atomic<int> reports{0};

}  // namespace

// The sanitizer calls it for each report.
extern "C" [[gnu::visibility("default")]] void __tsan_on_report(void*) {
  ++reports;
}

using softmetal_test::contents;
using softmetal_test::Device;
using softmetal_test::failure;
using softmetal_test::run;

namespace {

// A fresh library for each macro: the sanitizer reports a place once.
struct Case {
  const char* kernel;
  NSString* macro;
  unsigned groups, threads;
};

int races(const Case& one, bool wait = true) {
  @autoreleasepool {
    NSDictionary* macros = one.macro ? [NSDictionary dictionaryWithObject:@"1" forKey:one.macro] : nil;
    const Device device(softmetal_test::embedded("order.metal").c_str(), 32, macros);
    const int before = reports;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      softmetal_set_seed(seed);
      id<MTLBuffer> first = device.buffer(1024), second = device.buffer(1024);
      id<MTLCommandBuffer> buffer = [device.queue commandBuffer];
      id<MTLComputeCommandEncoder> encoder = [buffer computeCommandEncoder];
      [encoder setComputePipelineState:device.pipeline(one.kernel)];
      [encoder setBuffer:first offset:0 atIndex:0];
      [encoder setBuffer:second offset:0 atIndex:1];
      [encoder setThreadgroupMemoryLength:1024 atIndex:0];
      [encoder dispatchThreadgroups:MTLSizeMake(one.groups, 1, 1)
              threadsPerThreadgroup:MTLSizeMake(one.threads, 1, 1)];
      [encoder endEncoding];
      [buffer commit];
      if (!wait) {
        // By now the kernel has run; a host that came first would be ordered before it by its own wait below.
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        ++*contents<unsigned>(first);
      }
      [buffer waitUntilCompleted];
      EXPECT_EQ(failure(buffer), "");
      if (wait) ++*contents<unsigned>(first);
    }
    softmetal_set_seed(0);
    return reports - before;
  }
}

TEST(Races, CorrectKernelsHaveNone) {
  EXPECT_EQ(races({"hand_over", nil, 2, 1}), 0);
  EXPECT_EQ(races({"neighbour", nil, 1, 64}), 0);
  EXPECT_EQ(races({"count_plainly", nil, 1, 1}), 0);
}

TEST(Races, AMissingFenceIsOne) {
  EXPECT_GT(races({"hand_over", @"NO_FENCE", 2, 1}), 0);
}

TEST(Races, PublishingBeforeWritingIsOne) {
  EXPECT_GT(races({"hand_over", @"PUBLISH_FIRST", 2, 1}), 0);
}

TEST(Races, ADroppedBarrierIsOne) {
  EXPECT_GT(races({"neighbour", @"DROP_BARRIER", 1, 64}), 0);
}

TEST(Races, PlainCountingByThreadgroupsIsOne) {
  EXPECT_GT(races({"count_plainly", @"SEVERAL", 4, 1}), 0);
}

TEST(Races, AForgottenWaitIsOne) {
  EXPECT_GT(races({"count_plainly", @"HOST", 1, 1}, false), 0);
}

}  // namespace
