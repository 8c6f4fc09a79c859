// ThreadSanitizer over the kernels: GPU threads, threadgroups and the host, each with its own mistakes.
#import "softmetal/harness.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

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

// The production templates, with a few of their instances.
std::string production() {
  std::string source = softmetal_test::embedded("grid_kernels.metal");
  source.erase(source.find("#define RW_NUMBERS(name)"));
  for (const char* name :
       {"reduce_sum", "inclusive_scan_sums", "inclusive_scan", "matrix_multiply", "histogram"})
    source += "RW_KERNEL(" + std::string(name) + ", uint32, u32)\n";
  return source;
}
// Without the barrier behind `line`.
std::string dropped(std::string source, const std::string& line) {
  const std::size_t at = source.find(line), barrier = source.find("ctx->barrier();", at);
  EXPECT_NE(at, std::string::npos) << line;
  return at == std::string::npos ? source : source.erase(barrier, std::strlen("ctx->barrier();"));
}

// Reports about a kernel of these over two groups of 16 threads; the words after its buffers are its scalars.
int production_races(const std::string& source, const char* kernel, unsigned buffers,
                     const std::vector<unsigned>& scalar_bytes) {
  @autoreleasepool {
    const Device device(source.c_str(), 30);
    const int before = reports;
    for (uint64_t seed = 0; seed < 4; ++seed) {
      softmetal_set_seed(seed);
      id<MTLCommandBuffer> buffer = [device.queue commandBuffer];
      id<MTLComputeCommandEncoder> encoder = [buffer computeCommandEncoder];
      [encoder setComputePipelineState:device.pipeline(kernel)];
      unsigned index = 0;
      for (; index < buffers; ++index) {
        id<MTLBuffer> memory = device.buffer(4096);
        std::memset([memory contents], 0, 4096);
        [encoder setBuffer:memory offset:0 atIndex:index];
      }
      const uint64_t n = 16;
      for (const unsigned bytes : scalar_bytes) [encoder setBytes:&n length:bytes atIndex:index++];
      [encoder setThreadgroupMemoryLength:4096 atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(16, 2, 1) threadsPerThreadgroup:MTLSizeMake(16, 1, 1)];
      [encoder endEncoding];
      [buffer commit];
      [buffer waitUntilCompleted];
      EXPECT_EQ(failure(buffer), "");
    }
    softmetal_set_seed(0);
    return reports - before;
  }
}

TEST(ProductionRaces, DispatchKernelsHaveNone) {
  const std::string source = production();
  EXPECT_EQ(production_races(source, "reduce_sum_uint32", 2, {8}), 0);
  EXPECT_EQ(production_races(source, "matrix_multiply_uint32", 3, {4}), 0);
  EXPECT_EQ(production_races(source, "histogram_uint32", 2, {8, 4}), 0);
}

TEST(ProductionRaces, ABarrierLessIsOne) {
  const std::string source = production();
  EXPECT_GT(production_races(dropped(source, "  memory[me] = value;\n"), "reduce_sum_uint32", 2, {8}), 0);
  EXPECT_GT(production_races(dropped(source, "cols[i] = b["), "matrix_multiply_uint32", 3, {4}), 0);
  EXPECT_GT(production_races(dropped(source, "found[bin] = 0;\n"), "histogram_uint32", 2, {8, 4}), 0);
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
