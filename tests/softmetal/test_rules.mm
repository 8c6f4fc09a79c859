// Every rule that the device holds its users to, and what it says where one is broken.
#import "softmetal/harness.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "softmetal.h"

using softmetal_test::broken_rule;
using softmetal_test::compile_error;
using softmetal_test::contents;
using softmetal_test::Device;
using softmetal_test::failure;
using softmetal_test::run;

namespace {

constexpr MTLSize kOne = {1, 1, 1};

class Rules : public testing::Test {
 protected:
  NSAutoreleasePool* pool = [NSAutoreleasePool new];
  Device device{softmetal_test::embedded("rules.metal").c_str()};
  id<MTLBuffer> buffer = device.buffer(4096, "numbers");
  ~Rules() override { [pool release]; }

  std::string rule(const softmetal_test::Encode& encode) {
    return broken_rule([&] { run(device, encode); });
  }
  // One dispatch of a kernel over `buffer`, one threadgroup of `threads`.
  id<MTLCommandBuffer> dispatch(const char* name, NSUInteger threads, id<MTLBuffer> to) {
    return run(device, [&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline(name)];
      [encoder setBuffer:to offset:0 atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(threads, 1, 1) threadsPerThreadgroup:MTLSizeMake(threads, 1, 1)];
    });
  }
};

TEST_F(Rules, LibrariesMustBeWhatTheCompilerMade) {
  const auto load = [&](const std::string& bytes) {
    NSError* error = nil;
    dispatch_data_t data =
        dispatch_data_create(bytes.data(), bytes.size(), NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
    id<MTLLibrary> library = [device.device newLibraryWithData:data error:&error];
    [data release];
    [library release];
    return library ? std::string("loads") : std::string([[error localizedDescription] UTF8String]);
  };
  const std::string source = "kernel void k(device uint* a [[buffer(0)]]) { a[0] = 1; }\n";
  const std::string size = std::to_string(source.size());
  EXPECT_EQ(load("SOFTMETALLIB 320 0 " + size + "\n" + source), "loads");
  for (const std::string& wrong :
       {std::string(), source, "MTLB 320 0 " + size + "\n" + source,
        "SOFTMETALLIB 320 0 " + size + "\n" + source.substr(1), std::string("SOFTMETALLIB 320 0 0")})
    EXPECT_EQ(load(wrong), "Invalid library file") << wrong;
  EXPECT_SAYS(load("SOFTMETALLIB 330 0 " + size + "\n" + source),
              "language version 3.3 which is not supported");
  EXPECT_SAYS(broken_rule([&] { [device.device newLibraryWithData:nil error:NULL]; }), "the data is nil");
  EXPECT_SAYS(broken_rule([&] { [device.device newLibraryWithData:(dispatch_data_t)buffer error:NULL]; }),
              "the data is no dispatch_data_t");
}

TEST_F(Rules, BindingsMustBeThereAndLargeEnough) {
  const auto pairs = [&](NSUInteger offset, size_t bytes) {
    return rule([&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline("pairs")];
      [encoder setBuffer:buffer offset:offset atIndex:0];
      const unsigned long n = 1;
      if (bytes) [encoder setBytes:&n length:bytes atIndex:1];
      [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
    });
  };
  EXPECT_SAYS(pairs(0, 0), "Compute Function(pairs): missing Buffer binding at index 1 for n[0]");
  EXPECT_SAYS(pairs(4092, 4),
              "argument slots[0] from Buffer(0) 'numbers' with offset(4092) and length(4096) has space "
              "for 4 bytes, but argument has a length(8)");
  EXPECT_SAYS(pairs(2, 4),
              "offset(2) of argument slots[0] at Buffer(0) 'numbers' is not a multiple of its alignment, 4");
  EXPECT_SAYS(pairs(0, 8), "setBytes gave 8 bytes at index 1, but n is one value of 4 bytes");
  EXPECT_EQ(pairs(0, 4), "");
}

TEST_F(Rules, SwappedBuffersOfDifferentSizesFaultByName) {
  id<MTLBuffer> values = device.buffer(4096, "many"), total = device.buffer(4, "one");
  const auto reduce = [&](id<MTLBuffer> first, id<MTLBuffer> second) {
    return failure(run(device, [&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline("reduce")];
      [encoder setBuffer:first offset:0 atIndex:0];
      [encoder setBuffer:second offset:0 atIndex:1];
      [encoder setThreadgroupMemoryLength:4096 atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(1024, 1, 1) threadsPerThreadgroup:MTLSizeMake(1024, 1, 1)];
    }));
  };
  EXPECT_EQ(reduce(values, total), "");
  EXPECT_SAYS(reduce(total, values), "Compute Function(reduce): page fault: a read access");
  EXPECT_SAYS(reduce(total, values), "past the end of values[0], Buffer(0) 'one' of length 4");
}

TEST_F(Rules, BuffersWithArgumentsNamesAreNotSwapped) {
  id<MTLBuffer> values = device.buffer(4096, "values"), total = device.buffer(4096, "total");
  const auto reduce = [&](id<MTLBuffer> first, id<MTLBuffer> second) {
    return rule([&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline("reduce")];
      [encoder setBuffer:first offset:0 atIndex:0];
      [encoder setBuffer:second offset:0 atIndex:1];
      [encoder setThreadgroupMemoryLength:64 atIndex:0];
      [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
    });
  };
  EXPECT_EQ(reduce(values, total), "");
  EXPECT_EQ(reduce(total, total), "");  // one for both
  EXPECT_SAYS(reduce(total, values), "Compute Function(reduce): the buffer labelled 'total' is bound as "
                                     "values[0] at index 0, and another one "
                                     "as total[0] at index 1: they are swapped");
}

TEST_F(Rules, SetBytesIsOfWholeElements) {
  const auto weighted = [&](NSUInteger bytes) {
    return rule([&](id<MTLComputeCommandEncoder> encoder) {
      const unsigned weights[4] = {1, 2, 3, 4};
      [encoder setComputePipelineState:device.pipeline("weighted")];
      [encoder setBuffer:buffer offset:0 atIndex:0];
      [encoder setBytes:weights length:bytes atIndex:1];
      [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
    });
  };
  EXPECT_EQ(weighted(4), "");
  EXPECT_EQ(weighted(16), "");
  EXPECT_SAYS(weighted(6),
              "setBytes gave 6 bytes at index 1, no whole number of weights[0]'s elements of 4 bytes");
}

TEST_F(Rules, SetBytesIsForSmallConstants) {
  static const char many[8192] = {};
  EXPECT_SAYS(
      rule([&](id<MTLComputeCommandEncoder> encoder) { [encoder setBytes:many length:8192 atIndex:0]; }),
      "setBytes: length(8192) at index 0 must be <= 4096; bind a buffer");
  EXPECT_SAYS(rule([&](id<MTLComputeCommandEncoder> encoder) { [encoder setBytes:many length:0 atIndex:3]; }),
              "setBytes: no bytes for index 3");
  EXPECT_SAYS(rule([&](id<MTLComputeCommandEncoder> encoder) {
                [encoder setComputePipelineState:device.pipeline("number")];
                [encoder setBytes:many length:64 atIndex:0];
                [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
              }),
              "setBytes at index 0, but the kernel may write to out[0]");
}

TEST_F(Rules, IndicesAndOffsetsHaveLimits) {
  EXPECT_SAYS(
      rule([&](id<MTLComputeCommandEncoder> encoder) { [encoder setBuffer:buffer offset:0 atIndex:31]; }),
      "setBuffer: index(31) must be < 31");
  EXPECT_SAYS(
      rule([&](id<MTLComputeCommandEncoder> encoder) { [encoder setBuffer:buffer offset:4096 atIndex:0]; }),
      "offset(4096) must be < the buffer's length(4096)");
  EXPECT_SAYS(rule([&](id<MTLComputeCommandEncoder> encoder) { [encoder setBufferOffset:0 atIndex:2]; }),
              "no buffer is set at index 2");
}

TEST_F(Rules, ThreadgroupMemoryMustBeSetAndFit) {
  const auto reduce = [&](NSUInteger bytes) {
    return rule([&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline("reduce")];
      [encoder setBuffer:buffer offset:0 atIndex:0];
      [encoder setBuffer:buffer offset:0 atIndex:1];
      if (bytes) [encoder setThreadgroupMemoryLength:bytes atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(4, 1, 1) threadsPerThreadgroup:MTLSizeMake(4, 1, 1)];
    });
  };
  EXPECT_SAYS(reduce(0),
              "missing threadgroupMemory binding at index 0 for shared[0]: call setThreadgroupMemoryLength");
  EXPECT_SAYS(reduce(20), "length(20) at index 0 must be a multiple of 16 bytes");
  EXPECT_SAYS(reduce(32784), "length(32784) at index 0 must be <= 32768");
  EXPECT_EQ(reduce(16), "");
  EXPECT_SAYS(rule([&](id<MTLComputeCommandEncoder> encoder) {
                [encoder setComputePipelineState:device.pipeline("half_full")];
                [encoder setBuffer:buffer offset:0 atIndex:0];
                [encoder setThreadgroupMemoryLength:16400 atIndex:0];
                [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
              }),
              "Threadgroup memory size (32784) exceeds the maximum threadgroup memory allowed (32768)");
  NSError* error = nil;
  id<MTLFunction> function = [[device.library newFunctionWithName:@"too_large"] autorelease];
  EXPECT_FALSE([device.device newComputePipelineStateWithFunction:function error:&error]);
  EXPECT_SAYS([[error localizedDescription] UTF8String], "Threadgroup memory size (36000) exceeds");
}

TEST_F(Rules, GridsHaveLimits) {
  const auto grid = [&](const char* name, MTLSize groups, MTLSize threads) {
    return rule([&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline(name)];
      [encoder setBuffer:buffer offset:0 atIndex:0];
      [encoder dispatchThreadgroups:groups threadsPerThreadgroup:threads];
    });
  };
  EXPECT_SAYS(grid("number", MTLSizeMake(0, 1, 1), kOne),
              "threadgroupsPerGrid(0,1,1) must not have a zero component");
  EXPECT_SAYS(grid("number", kOne, MTLSizeMake(1, 0, 1)),
              "threadsPerThreadgroup(1,0,1) must not have a zero");
  EXPECT_SAYS(grid("number", kOne, MTLSizeMake(64, 32, 1)),
              "(2048) must be <= 1024. (kernel threadgroup size limit)");
  EXPECT_SAYS(grid("limited", kOne, MTLSizeMake(128, 1, 1)),
              "(128) must be <= 64. (kernel threadgroup size limit)");
  EXPECT_SAYS(grid("number", MTLSizeMake(1ul << 32, 1, 1), kOne), "does not fit in 32 bits");
  EXPECT_SAYS(rule([](id<MTLComputeCommandEncoder> encoder) {
                [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
              }),
              "no compute pipeline state is set");
}

TEST_F(Rules, EncodersAndCommandBuffersHaveAnOrder) {
  id<MTLCommandBuffer> open = [device.queue commandBuffer];
  id<MTLComputeCommandEncoder> encoder = [open computeCommandEncoder];
  encoder.label = @"mine";
  EXPECT_SAYS(broken_rule([&] { [open commit]; }),
              "commit: the encoder 'mine' of command buffer is still open: call "
              "endEncoding first");
  EXPECT_SAYS(broken_rule([&] { [open blitCommandEncoder]; }), "is still open");
  EXPECT_SAYS(broken_rule([&] { [encoder popDebugGroup]; }), "no group of the encoder is pushed");
  [encoder pushDebugGroup:@"part"];
  EXPECT_SAYS(broken_rule([&] { [encoder endEncoding]; }), "1 debug groups of the encoder are not popped");
  [encoder popDebugGroup];
  [encoder endEncoding];
  EXPECT_SAYS(broken_rule([&] { [encoder setBuffer:buffer offset:0 atIndex:0]; }),
              "encoder 'mine' has ended");
  EXPECT_SAYS(broken_rule([&] { [open waitUntilCompleted]; }),
              "is not committed, so this would wait for ever");
  [open commit];
  EXPECT_SAYS(broken_rule([&] { [open commit]; }), "is committed already; make a new one");
  EXPECT_SAYS(broken_rule([&] {
                [open addCompletedHandler:^(id<MTLCommandBuffer>){
                }];
              }),
              "is committed already");
  [open waitUntilCompleted];
  EXPECT_SAYS(broken_rule([&] { [open computeCommandEncoder]; }), "is committed already");
}

TEST_F(Rules, AHandlerMayNotWaitForItsOwnBuffer) {
  __block std::string said;
  id<MTLCommandBuffer> one = [device.queue commandBuffer];
  [one addCompletedHandler:^(id<MTLCommandBuffer> same) {
    said = broken_rule([&] { [same waitUntilCompleted]; });
  }];
  [one commit];
  [one waitUntilCompleted];
  EXPECT_SAYS(said, "waitUntilCompleted in a handler of the same command buffer would wait for ever");
}

TEST_F(Rules, BlitsStayInsideBuffers) {
  id<MTLCommandBuffer> one = [device.queue commandBuffer];
  id<MTLBlitCommandEncoder> blit = [one blitCommandEncoder];
  EXPECT_SAYS(broken_rule([&] { [blit fillBuffer:buffer range:NSMakeRange(4092, 8) value:0]; }),
              "offset(4092) and size(8) reach past the end of buffer 'numbers' of length(4096)");
  EXPECT_SAYS(broken_rule([&] {
                [blit copyFromBuffer:buffer sourceOffset:0 toBuffer:buffer destinationOffset:8 size:16];
              }),
              "overlap");
  EXPECT_SAYS(broken_rule([&] { [blit fillBuffer:buffer range:NSMakeRange(2, 4) value:0]; }),
              "multiples of 4");
  [blit endEncoding];
}

TEST_F(Rules, BuffersHaveRules) {
  id<MTLDevice> one = device.device;
  EXPECT_SAYS(broken_rule([&] { [one newBufferWithLength:0 options:0]; }), "length is 0");
  EXPECT_SAYS(broken_rule([&] { [one newBufferWithLength:1ul << 40 options:0]; }),
              "is more than maxBufferLength");
  alignas(16) static char memory[64];
  EXPECT_SAYS(broken_rule([&] { [one newBufferWithBytesNoCopy:memory length:64 options:0 deallocator:nil]; }),
              "must be multiples of the page size, 16384 bytes");
  EXPECT_SAYS(broken_rule([&] { [buffer didModifyRange:NSMakeRange(0, 4)]; }),
              "is not of MTLStorageModeManaged");
  void* page = std::aligned_alloc(16384, 16384);
  __block int freed = 0;
  id<MTLBuffer> view = [one newBufferWithBytesNoCopy:page
                                              length:16384
                                             options:0
                                         deallocator:^(void* memory_, NSUInteger) {
                                           std::free(memory_);
                                           ++freed;
                                         }];
  EXPECT_EQ([view contents], page);
  [view release];
  EXPECT_EQ(freed, 1);
}

TEST_F(Rules, AQueueHasSoManyCommandBuffers) {
  softmetal_set_timeout(0.05);
  id<MTLCommandQueue> small = [[device.device newCommandQueueWithMaxCommandBufferCount:2] autorelease];
  id<MTLCommandBuffer> first = [small commandBuffer];
  [small commandBuffer];
  EXPECT_SAYS(broken_rule([&] { [small commandBuffer]; }), "all 2 command buffers of queue are in use");
  [first commit];
  [first waitUntilCompleted];
  EXPECT_TRUE([small commandBuffer]);
  softmetal_set_timeout(10);
}

TEST_F(Rules, ThreadsMustMeetAtBarriers) {
  EXPECT_SAYS(failure(dispatch("divergent", 32, buffer)),
              "is not reached by all 32 threads of the threadgroup (25 have returned)");
  EXPECT_SAYS(failure(dispatch("divergent_simd", 32, buffer)),
              "is not reached by all threads of the simdgroup (7 of 32)");
}

TEST_F(Rules, WhatIsNotWrittenIsConspicuous) {
  dispatch("uninitialised", 8, buffer);
  for (int i = 0; i < 16; ++i) EXPECT_FALSE(std::abs(contents<float>(buffer)[i]) < 1e10f);
}

TEST_F(Rules, ThreadgroupMemoryHoldsNothingOfThoseBefore) {
  for (const unsigned left : {0u, 7u}) {
    std::fill_n(contents<unsigned>(buffer), 8, left);
    run(device, [&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline("untouched")];
      [encoder setBuffer:buffer offset:0 atIndex:0];
      [encoder setThreadgroupMemoryLength:32 atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(8, 1, 1) threadsPerThreadgroup:MTLSizeMake(8, 1, 1)];
    });
    for (int i = 0; i < 8; ++i) EXPECT_EQ(contents<unsigned>(buffer)[i], 0xFFFFFFFFu) << "word " << i;
  }
}

TEST_F(Rules, DispatchesThatDoNotEndTimeOut) {
  softmetal_set_timeout(0.1);
  for (const char* name : {"spin", "endless"}) {
    contents<unsigned>(buffer)[0] = 0;
    id<MTLCommandBuffer> done = dispatch(name, 2, buffer);
    EXPECT_SAYS(failure(done), "Caused GPU Timeout Error");
    EXPECT_EQ([[done error] code], MTLCommandBufferErrorTimeout);
  }
  id<MTLEvent> never = [[device.device newEvent] autorelease];
  never.label = @"never";
  id<MTLCommandBuffer> waits = [device.queue commandBuffer];
  [waits encodeWaitForEvent:never value:3];
  [waits commit];
  [waits waitUntilCompleted];
  EXPECT_SAYS(failure(waits), "nobody signals value 3 of event 'never', which is at 0");
  softmetal_set_timeout(10);
  EXPECT_EQ(failure(dispatch("number", 8, buffer)), "");
}

TEST_F(Rules, AccessesOutsideOfMemoryFault) {
  id<MTLCommandBuffer> done = dispatch("past_the_end", 32, buffer);
  EXPECT_EQ([[done error] code], MTLCommandBufferErrorPageFault);
  EXPECT_SAYS(failure(done),
              "page fault: an access 0 bytes past the end of out[0], Buffer(0) 'numbers' of length 4096");
  EXPECT_SAYS(failure(dispatch("just_past_the_end", 25, device.buffer(100, "odd"))),
              "a write outside of buffer 'odd' of length 100");
  EXPECT_SAYS(failure(dispatch("past_a_variable", 12, buffer)),
              "write 0 bytes past the end of a threadgroup variable of the kernel (32 bytes)");
  done = dispatch("deep", 1, buffer);
  EXPECT_EQ([[done error] code], MTLCommandBufferErrorStackOverflow) << failure(done);
  EXPECT_EQ(failure(dispatch("number", 8, buffer)), "");  // the device goes on
}

TEST_F(Rules, AnAccessFarPastTheEndReachesNoOtherMemory) {
  std::vector<id<MTLBuffer>> others;
  for (int i = 0; i < 64; ++i) others.push_back(device.buffer(4096, "other"));
  for (unsigned far = 1024; far < 1u << 23; far *= 2) {
    id<MTLCommandBuffer> done = run(device, [&](id<MTLComputeCommandEncoder> encoder) {
      [encoder setComputePipelineState:device.pipeline("element")];
      [encoder setBuffer:others[32] offset:0 atIndex:0];
      [encoder setBytes:&far length:sizeof far atIndex:1];
      [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
    });
    EXPECT_SAYS(failure(done),
                std::to_string(4 * far - 4096) + " bytes past the end of out[0], Buffer(0) 'other'");
  }
  for (id<MTLBuffer> other : others)
    for (int i = 0; i < 1024; ++i) ASSERT_EQ(contents<unsigned>(other)[i], 0u);
}

TEST_F(Rules, AnErrorNamesItsEncoder) {
  MTLCommandBufferDescriptor* descriptor = [[MTLCommandBufferDescriptor new] autorelease];
  descriptor.errorOptions = MTLCommandBufferErrorOptionEncoderExecutionStatus;
  id<MTLCommandBuffer> one = [device.queue commandBufferWithDescriptor:descriptor];
  for (const char* name : {"number", "past_the_end", "number"}) {
    id<MTLComputeCommandEncoder> encoder = [one computeCommandEncoder];
    encoder.label = [NSString stringWithUTF8String:name];
    [encoder setComputePipelineState:device.pipeline(name)];
    [encoder setBuffer:buffer offset:0 atIndex:0];
    [encoder dispatchThreads:kOne threadsPerThreadgroup:kOne];
    [encoder endEncoding];
  }
  [one commit];
  [one waitUntilCompleted];
  NSArray* infos = [[[one error] userInfo] objectForKey:MTLCommandBufferEncoderInfoErrorKey];
  ASSERT_EQ([infos count], 3u);
  EXPECT_EQ([[infos objectAtIndex:0] errorState], MTLCommandEncoderErrorStateCompleted);
  EXPECT_EQ([[infos objectAtIndex:1] errorState], MTLCommandEncoderErrorStateFaulted);
  EXPECT_EQ([[infos objectAtIndex:2] errorState], MTLCommandEncoderErrorStatePending);
  EXPECT_STREQ([[[infos objectAtIndex:1] label] UTF8String], "past_the_end");
}

TEST_F(Rules, ObjectsOfOtherKindsAreRefused) {
  EXPECT_SAYS(rule([&](id<MTLComputeCommandEncoder> encoder) {
                [encoder setComputePipelineState:(id<MTLComputePipelineState>)buffer];
              }),
              "setComputePipelineState: state: a SMBuffer is not what is wanted here");
  EXPECT_SAYS(rule([&](id<MTLComputeCommandEncoder> encoder) {
                id<MTLBuffer> gone = [device.device newBufferWithLength:16 options:0];
                [gone release];
                [encoder setBuffer:gone offset:0 atIndex:0];
              }),
              "is no live object of this device: released once too often");
}

TEST_F(Rules, NothingIsLeftAfterItsRelease) {
  const long before = softmetal_live_objects("SMBuffer");
  @autoreleasepool {
    dispatch("number", 8, device.buffer(64));
    EXPECT_EQ(softmetal_live_objects("SMBuffer"), before + 1);
  }
  EXPECT_EQ(softmetal_live_objects("SMBuffer"), before);
}

TEST_F(Rules, AReleaseTooManyIsFatal) {
  EXPECT_DEATH(
      {
        id<MTLBuffer> one = [device.device newBufferWithLength:16 options:0];
        [one release];
        [one release];
      },
      "release of a freed object of the device .*: it was released once too often");
  EXPECT_DEATH(
      {
        id<MTLBuffer> one = [device.device newBufferWithLength:16 options:0];
        one.label = @"early";
        id<MTLCommandBuffer> loose = [device.queue commandBufferWithUnretainedReferences];
        id<MTLComputeCommandEncoder> encoder = [loose computeCommandEncoder];
        [encoder setBuffer:one offset:0 atIndex:0];
        [one release];
      },
      "SMBuffer 'early' was freed while a command buffer that has not completed uses it");
  EXPECT_DEATH(
      {
        @autoreleasepool {
          [[device.queue commandBuffer] computeCommandEncoder];
        }
      },
      "is released without endEncoding|is released with an open encoder");
}

TEST(Sources, ErrorsNameTheLine) {
  const std::string head = "#include <metal_stdlib>\nusing namespace metal;\n";
  const auto error = [&](const char* kernel, int version) {
    return compile_error((head + kernel).c_str(), version);
  };
  @autoreleasepool {
    EXPECT_SAYS(error("kernel void k(device float* a [[buffer(0)]]) {\n  a[0] = b;\n}\n", 31),
                "program_source:4:10: error: use of undeclared identifier 'b'");
    EXPECT_SAYS(error("kernel void k(device float* a) {}", 31),
                "program_source:3: error: parameter 'device float* a' of kernel 'k' has no attribute");
    EXPECT_SAYS(error("kernel void k(float* a [[buffer(0)]]) {}", 31),
                "must be in the constant or device address space");
    EXPECT_SAYS(error("kernel void k(device uint* a [[buffer(0)]], device uint* b [[buffer(0)]]) {}", 31),
                "two parameters of kernel 'k' share an index");
    EXPECT_SAYS(
        error("kernel void k(device float* a [[buffer(0)]]) { threadgroup float x = 3; a[0] = x; }", 31),
        "a variable in the threadgroup address space takes no initializer");
    EXPECT_SAYS(error("kernel void k(device double* a [[buffer(0)]]) {}", 31),
                "'double' is not part of the Metal");
    EXPECT_SAYS(error("kernel void k(constant float* a [[buffer(0)]]) { a[0] = 1; }", 31), "read-only");
    EXPECT_SAYS(error("kernel void k(device atomic_uint* a [[buffer(0)]]) {"
                      " atomic_store_explicit(a, 1u, memory_order_seq_cst); }",
                      32),
                "MSL: atomic functions take memory_order_relaxed");
    EXPECT_SAYS(error("kernel void k(device atomic_uint* a [[buffer(0)]]) {"
                      " atomic_store_explicit(a, 1u, memory_order_release); }",
                      32),
                "undeclared identifier 'memory_order_release'");
    EXPECT_SAYS(error("kernel void k(device uint* a [[buffer(0)]]) {"
                      " atomic_thread_fence(mem_flags::mem_device, memory_order_relaxed); }",
                      30),
                "undeclared identifier 'atomic_thread_fence'");
    EXPECT_SAYS(error("kernel void k(device atomic<ulong>* a [[buffer(0)]]) { a->value; }", 32),
                "MSL: atomics are of int, uint, float and bool");
  }
}

}  // namespace
