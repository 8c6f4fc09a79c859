// AddressSanitizer over the kernels: each byte outside of a buffer, read or written.
#import "softmetal/harness.h"

using softmetal_test::Device;
using softmetal_test::failure;
using softmetal_test::run;

namespace {

std::string dispatch(const char* name, NSUInteger threads, size_t bytes) {
  const Device device(softmetal_test::embedded("rules.metal").c_str());
  id<MTLBuffer> out = device.buffer(bytes);
  return failure(run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:device.pipeline(name)];
    [encoder setBuffer:out offset:0 atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(threads, 1, 1) threadsPerThreadgroup:MTLSizeMake(threads, 1, 1)];
  }));
}

TEST(Bounds, InsideIsNoError) {
  @autoreleasepool {
    EXPECT_EQ(dispatch("number", 25, 100), "");
    EXPECT_EQ(dispatch("past_a_variable", 8, 100), "");
  }
}

TEST(Bounds, OneElementOutsideIs) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(dispatch("just_past_the_end", 25, 100), "AddressSanitizer: use-after-poison");
  EXPECT_DEATH(dispatch("past_a_variable", 9, 100), "AddressSanitizer: use-after-poison");
}

}  // namespace
