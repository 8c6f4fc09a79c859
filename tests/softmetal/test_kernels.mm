// What kernels compute, and what is reported of them.
#import "softmetal/harness.h"

#include <cmath>

using softmetal_test::contents;
using softmetal_test::Device;
using softmetal_test::failure;
using softmetal_test::run;

namespace {

class Kernels : public testing::Test {
 protected:
  NSAutoreleasePool* pool = [NSAutoreleasePool new];
  Device device{softmetal_test::embedded("basic.metal").c_str()};
  ~Kernels() override { [pool release]; }
};

TEST_F(Kernels, EveryThreadOfAnOddGridRunsOnce) {
  id<MTLBuffer> out = device.buffer(1000 * 4);
  id<MTLCommandBuffer> done = run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:device.pipeline("number")];
    [encoder setBuffer:out offset:0 atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(1000, 1, 1) threadsPerThreadgroup:MTLSizeMake(64, 1, 1)];
  });
  EXPECT_EQ([done status], MTLCommandBufferStatusCompleted) << failure(done);
  for (unsigned i = 0; i < 1000; ++i) ASSERT_EQ(contents<unsigned>(out)[i], i);
}

TEST_F(Kernels, HandlersSeeACompletedBufferBeforeTheWaitReturns) {
  const unsigned n = 10000;
  id<MTLBuffer> a = device.buffer(n * 4), b = device.buffer(n * 4), sum = device.buffer(n * 4);
  for (unsigned i = 0; i < n; ++i) {
    contents<float>(a)[i] = static_cast<float>(i);
    contents<float>(b)[i] = static_cast<float>(2 * i);
  }
  __block int scheduled = 0, completed = 0;
  id<MTLCommandBuffer> buffer = [device.queue commandBuffer];
  [buffer addScheduledHandler:^(id<MTLCommandBuffer> one) {
    scheduled += [one status] == MTLCommandBufferStatusScheduled;
  }];
  [buffer addCompletedHandler:^(id<MTLCommandBuffer> one) {
    completed += [one status] == MTLCommandBufferStatusCompleted;
  }];
  id<MTLComputeCommandEncoder> encoder = [buffer computeCommandEncoder];
  [encoder setComputePipelineState:device.pipeline("add")];
  const id<MTLBuffer> buffers[3] = {a, b, sum};
  const NSUInteger offsets[3] = {0, 0, 0};
  [encoder setBuffers:buffers offsets:offsets withRange:NSMakeRange(0, 3)];
  [encoder setBytes:&n length:sizeof n atIndex:3];
  [encoder dispatchThreadgroups:MTLSizeMake((n + 255) / 256, 1, 1)
          threadsPerThreadgroup:MTLSizeMake(256, 1, 1)];
  [encoder endEncoding];
  [buffer commit];
  [buffer waitUntilScheduled];
  [buffer waitUntilCompleted];
  EXPECT_EQ(scheduled, 1);
  EXPECT_EQ(completed, 1);
  EXPECT_GE([buffer GPUEndTime], [buffer GPUStartTime]);
  for (unsigned i = 0; i < n; ++i) ASSERT_EQ(contents<float>(sum)[i], 3.0f * static_cast<float>(i));
}

TEST_F(Kernels, TemplatesHaveInstancesUnderNamesOfTheirOwn) {
  id<MTLBuffer> in = device.buffer(256), out = device.buffer(256);
  for (int i = 0; i < 64; ++i) contents<int>(in)[i] = i;
  const int factor = -3;
  id<MTLComputePipelineState> pipeline = device.pipeline("scale_int");
  EXPECT_EQ([pipeline staticThreadgroupMemoryLength], 256u);
  run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:pipeline];
    [encoder setBuffer:in offset:0 atIndex:0];
    [encoder setBuffer:out offset:0 atIndex:1];
    [encoder setBytes:&factor length:4 atIndex:2];
    [encoder dispatchThreads:MTLSizeMake(64, 1, 1) threadsPerThreadgroup:MTLSizeMake(64, 1, 1)];
  });
  for (int i = 0; i < 64; ++i) ASSERT_EQ(contents<int>(out)[i], -3 * i);
  EXPECT_TRUE(device.pipeline("scale_float"));
  EXPECT_FALSE([device.library newFunctionWithName:@"scale"]);
}

TEST_F(Kernels, FunctionConstantsSpecialise) {
  const unsigned step = 7;
  const bool twice = true;
  MTLFunctionConstantValues* values = [[MTLFunctionConstantValues new] autorelease];
  [values setConstantValue:&step type:MTLDataTypeUInt atIndex:0];
  [values setConstantValue:&twice type:MTLDataTypeBool withName:@"kTwice"];
  NSError* error = nil;
  id<MTLFunction> function = [[device.library newFunctionWithName:@"stepped"
                                                   constantValues:values
                                                            error:&error] autorelease];
  ASSERT_TRUE(function) << [[error localizedDescription] UTF8String];
  EXPECT_EQ([[[function functionConstantsDictionary] objectForKey:@"kStep"] index], 0u);
  id<MTLComputePipelineState> pipeline =
      [[device.device newComputePipelineStateWithFunction:function error:&error] autorelease];
  id<MTLBuffer> out = device.buffer(40);
  const auto encode = [&](id<MTLComputePipelineState> state) {
    return run(device, [&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:state];
      [encoder setBuffer:out offset:0 atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(10, 1, 1) threadsPerThreadgroup:MTLSizeMake(10, 1, 1)];
    });
  };
  encode(pipeline);
  EXPECT_EQ(contents<unsigned>(out)[9], 126u);
  EXPECT_SAYS(failure(encode(device.pipeline("stepped"))), "function constant 'kStep' (index 0) is read");
}

TEST_F(Kernels, ReflectionTellsWhatToBind) {
  id<MTLFunction> function = [[device.library newFunctionWithName:@"sum"] autorelease];
  MTLComputePipelineReflection* reflection = nil;
  NSError* error = nil;
  [[device.device newComputePipelineStateWithFunction:function
                                              options:MTLPipelineOptionArgumentInfo
                                           reflection:&reflection
                                                error:&error] autorelease];
  ASSERT_EQ([[reflection bindings] count], 3u);
  id<MTLBufferBinding> values = [[reflection bindings] objectAtIndex:0];
  EXPECT_STREQ([[values name] UTF8String], "values");
  EXPECT_EQ([values type], MTLBindingTypeBuffer);
  EXPECT_EQ([values access], MTLBindingAccessReadOnly);
  EXPECT_EQ([values bufferDataSize], 4u);
  EXPECT_EQ([values bufferDataType], MTLDataTypeFloat);
  id<MTLThreadgroupBinding> shared = [[reflection bindings] objectAtIndex:2];
  EXPECT_EQ([shared type], MTLBindingTypeThreadgroupMemory);
  EXPECT_EQ([shared index], 0u);
  MTLArgument* total = [[reflection arguments] objectAtIndex:1];
  EXPECT_EQ([total access], MTLBindingAccessReadWrite);
  EXPECT_EQ([total index], 1u);
}

class Sums : public Kernels, public testing::WithParamInterface<const char*> {};

TEST_P(Sums, AddUpByBarriersAndBySimdgroups) {
  id<MTLBuffer> values = device.buffer(4096 * 4), total = device.buffer(4);
  float expected = 0;
  for (int i = 0; i < 4096; ++i) expected += contents<float>(values)[i] = static_cast<float>(i % 17);
  id<MTLCommandBuffer> done = run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:device.pipeline(GetParam())];
    [encoder setBuffer:values offset:0 atIndex:0];
    [encoder setBuffer:total offset:0 atIndex:1];
    [encoder setThreadgroupMemoryLength:256 * 4 atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(4096, 1, 1) threadsPerThreadgroup:MTLSizeMake(256, 1, 1)];
  });
  EXPECT_EQ(failure(done), "");
  EXPECT_EQ(*contents<float>(total), expected);
}
INSTANTIATE_TEST_SUITE_P(Both, Sums, testing::Values("sum", "sum_simd"));

TEST_F(Kernels, GroupsAtTheEdgesAreSmaller) {
  id<MTLBuffer> out = device.buffer(5 * 3 * 2 * 16);
  run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:device.pipeline("positions")];
    [encoder setBuffer:out offset:0 atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(5, 3, 2) threadsPerThreadgroup:MTLSizeMake(4, 2, 2)];
  });
  const unsigned* last = contents<unsigned>(out) + 4 * (5 * 3 * 2 - 1);
  EXPECT_EQ(last[0], 4u);
  EXPECT_EQ(last[1], 2u);
  EXPECT_EQ(last[2], 1u);  // threads of the group along x
  EXPECT_EQ(last[3], 0u);
}

TEST_F(Kernels, VectorsAndHalves) {
  id<MTLBuffer> out = device.buffer(64), halves = device.buffer(8);
  run(device, [&](id<MTLComputeCommandEncoder> encoder) {
    [encoder setComputePipelineState:device.pipeline("vectors")];
    [encoder setBuffer:out offset:0 atIndex:0];
    [encoder setBuffer:halves offset:0 atIndex:1];
    [encoder dispatchThreads:MTLSizeMake(4, 1, 1) threadsPerThreadgroup:MTLSizeMake(4, 1, 1)];
  });
  const float* second = contents<float>(out) + 4;
  EXPECT_EQ(second[0], 5);
  EXPECT_EQ(second[1], 3);
  EXPECT_EQ(second[2], 6);
  EXPECT_EQ(second[3], 3);
  EXPECT_EQ(contents<unsigned short>(halves)[3], 0x4800);
}

TEST_F(Kernels, BlitsCopyAndFill) {
  id<MTLBuffer> staging = device.buffer(64), back = device.buffer(64);
  for (unsigned i = 0; i < 16; ++i) contents<unsigned>(staging)[i] = i;
  id<MTLBuffer> hidden = [[device.device newBufferWithLength:64
                                                     options:MTLResourceStorageModePrivate] autorelease];
  EXPECT_EQ([hidden contents], nullptr);
  id<MTLCommandBuffer> buffer = [device.queue commandBuffer];
  id<MTLBlitCommandEncoder> blit = [buffer blitCommandEncoder];
  [blit copyFromBuffer:hidden sourceOffset:0 toBuffer:back destinationOffset:32 size:32];
  [blit copyFromBuffer:staging sourceOffset:0 toBuffer:hidden destinationOffset:0 size:64];
  [blit fillBuffer:hidden range:NSMakeRange(4, 4) value:7];
  [blit copyFromBuffer:hidden sourceOffset:0 toBuffer:back destinationOffset:0 size:32];
  [blit endEncoding];
  [buffer commit];
  [buffer waitUntilCompleted];
  EXPECT_EQ(contents<unsigned>(back)[1], 0x07070707u);
  EXPECT_EQ(contents<unsigned>(back)[2], 2u);
  EXPECT_EQ(contents<unsigned>(back)[8], 0xFFFFFFFFu);  // private memory starts poisoned
}

TEST_F(Kernels, EventsOrderQueuesAndTellTheHost) {
  id<MTLSharedEvent> event = [[device.device newSharedEvent] autorelease];
  id<MTLCommandQueue> other = [[device.device newCommandQueue] autorelease];
  id<MTLBuffer> out = device.buffer(16);
  id<MTLCommandBuffer> later = [other commandBuffer];
  [later encodeWaitForEvent:event value:1];
  id<MTLBlitCommandEncoder> blit = [later blitCommandEncoder];
  [blit fillBuffer:out range:NSMakeRange(0, 16) value:1];
  [blit endEncoding];
  [later encodeSignalEvent:event value:2];
  [later commit];
  EXPECT_NE([later status], MTLCommandBufferStatusCompleted);
  MTLSharedEventListener* listener = [[MTLSharedEventListener new] autorelease];
  __block uint64_t told = 0;
  id<MTLSharedEvent> heard = [[device.device newSharedEvent] autorelease];
  [event notifyListener:listener
                atValue:2
                  block:^(id<MTLSharedEvent>, uint64_t value) {
                    told = value;
                    heard.signaledValue = 1;
                  }];
  event.signaledValue = 1;
  [later waitUntilCompleted];
  id<MTLCommandBuffer> wait = [device.queue commandBuffer];
  [wait encodeWaitForEvent:heard value:1];
  [wait commit];
  [wait waitUntilCompleted];
  EXPECT_EQ(failure(wait), "");
  EXPECT_EQ(told, 2u);
}

TEST_F(Kernels, TheDeviceDescribesItself) {
  NSArray* all = [MTLCopyAllDevices() autorelease];
  ASSERT_EQ([all count], 1u);
  id<MTLDevice> one = [all objectAtIndex:0];
  EXPECT_TRUE([one hasUnifiedMemory]);
  EXPECT_TRUE([one supportsFamily:MTLGPUFamilyMetal3]);
  EXPECT_FALSE([one supportsFamily:MTLGPUFamilyApple9]);
  EXPECT_EQ([one maxThreadgroupMemoryLength], 32768u);
  const NSUInteger before = [one currentAllocatedSize];
  id<MTLBuffer> buffer = [one newBufferWithLength:1000 options:MTLResourceStorageModeShared];
  EXPECT_EQ([one currentAllocatedSize], before + 1000);
  [buffer release];
  EXPECT_EQ([one currentAllocatedSize], before);
}

}  // namespace
