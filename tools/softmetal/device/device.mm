#import "device/buffer.h"
#import "device/command_queue.h"
#import "device/event.h"
#import "device/library.h"
#import "device/validation.h"

#include <cstring>
#include <mutex>

#include "engine/settings.h"
#include "softmetal.h"

@interface SMDevice : NSObject <MTLDevice>
@end

namespace softmetal {

id<MTLDevice> the_device() {
  static SMDevice* one = [SMDevice new];
  return one;
}

}  // namespace softmetal

@implementation SMDevice
- (NSString*)name {
  return @"Software Metal device";
}
- (uint64_t)registryID {
  return 1;
}
- (MTLSize)maxThreadsPerThreadgroup {
  return MTLSizeMake(SM_GROUP_THREADS, SM_GROUP_THREADS, SM_GROUP_THREADS);
}
- (BOOL)isLowPower {
  return NO;
}
- (BOOL)isHeadless {
  return YES;
}
- (BOOL)isRemovable {
  return NO;
}
- (BOOL)hasUnifiedMemory {
  return YES;
}
- (uint64_t)recommendedMaxWorkingSetSize {
  return softmetal::kMostBufferBytes;
}
- (NSUInteger)currentAllocatedSize {
  return softmetal::allocated_bytes();
}
- (NSUInteger)maxThreadgroupMemoryLength {
  return SM_GROUP_BYTES;
}
- (NSUInteger)maxBufferLength {
  return softmetal::kMostBufferBytes;
}
- (BOOL)supportsFamily:(MTLGPUFamily)family {
  const bool apple = family >= MTLGPUFamilyApple1 && family <= MTLGPUFamilyApple7;
  const bool common = family >= MTLGPUFamilyCommon1 && family <= MTLGPUFamilyCommon3;
  return apple || common || family == MTLGPUFamilyMac2 || family == MTLGPUFamilyMetal3;
}
- (id<MTLCommandQueue>)newCommandQueue {
  return [[SMCommandQueue alloc] initWithMost:64];
}
- (id<MTLCommandQueue>)newCommandQueueWithMaxCommandBufferCount:(NSUInteger)count {
  return [[SMCommandQueue alloc] initWithMost:count];
}
- (id<MTLBuffer>)newBufferWithLength:(NSUInteger)length options:(MTLResourceOptions)options {
  if (!length) softmetal::broken(@"newBufferWithLength: length is 0");
  if (length > softmetal::kMostBufferBytes)
    softmetal::broken(@"newBufferWithLength: length(%lu) is more than maxBufferLength(%lu)",
                      (unsigned long)length, (unsigned long)softmetal::kMostBufferBytes);
  return [[SMBuffer alloc] initWithLength:length options:options];
}
- (id<MTLBuffer>)newBufferWithBytes:(const void*)pointer
                             length:(NSUInteger)length
                            options:(MTLResourceOptions)options {
  if (!pointer) softmetal::broken(@"newBufferWithBytes: the pointer is null");
  auto* buffer = (SMBuffer*)[self newBufferWithLength:length options:options];
  if (buffer) std::memcpy(buffer->_data, pointer, length);
  return buffer;
}
- (id<MTLBuffer>)newBufferWithBytesNoCopy:(void*)pointer
                                   length:(NSUInteger)length
                                  options:(MTLResourceOptions)options
                              deallocator:(void (^)(void*, NSUInteger))deallocator {
  if (!pointer || !length) softmetal::broken(@"newBufferWithBytesNoCopy: no memory is given");
  return [[SMBuffer alloc] initWithMemory:pointer length:length options:options deallocator:deallocator];
}
- (id<MTLLibrary>)newLibraryWithSource:(NSString*)source
                               options:(MTLCompileOptions*)options
                                 error:(NSError**)error {
  return softmetal::new_library(source, options, error);
}
- (id<MTLLibrary>)newLibraryWithData:(dispatch_data_t)data error:(NSError**)error {
  return softmetal::load_library(data, error);
}
- (id<MTLComputePipelineState>)
    newComputePipelineStateWithDescriptor:(MTLComputePipelineDescriptor*)descriptor
                                  options:(MTLPipelineOption)options
                               reflection:(MTLAutoreleasedComputePipelineReflection*)reflection
                                    error:(NSError**)error {
  SMPipeline* pipeline = softmetal::new_pipeline(descriptor, error);
  if (pipeline && reflection && (options & (MTLPipelineOptionArgumentInfo | MTLPipelineOptionBufferTypeInfo)))
    *reflection = [[[MTLComputePipelineReflection alloc] initWithKernel:pipeline->_kernel] autorelease];
  return pipeline;
}
- (id<MTLComputePipelineState>)
    newComputePipelineStateWithFunction:(id<MTLFunction>)function
                                options:(MTLPipelineOption)options
                             reflection:(MTLAutoreleasedComputePipelineReflection*)reflection
                                  error:(NSError**)error {
  MTLComputePipelineDescriptor* descriptor = [[MTLComputePipelineDescriptor new] autorelease];
  descriptor.computeFunction = function;
  return [self newComputePipelineStateWithDescriptor:descriptor
                                             options:options
                                          reflection:reflection
                                               error:error];
}
- (id<MTLComputePipelineState>)newComputePipelineStateWithFunction:(id<MTLFunction>)function
                                                             error:(NSError**)error {
  return [self newComputePipelineStateWithFunction:function
                                           options:MTLPipelineOptionNone
                                        reflection:NULL
                                             error:error];
}
- (id<MTLEvent>)newEvent {
  return [SMEvent new];
}
- (id<MTLSharedEvent>)newSharedEvent {
  return [SMEvent new];
}
@end

extern "C" [[gnu::visibility("default")]] id<MTLDevice> MTLCreateSystemDefaultDevice(void) {
  return [softmetal::the_device() retain];
}

extern "C" [[gnu::visibility("default")]] NSArray* MTLCopyAllDevices(void) {
  return [[NSArray alloc] initWithObjects:softmetal::the_device(), nil];
}

extern "C" [[gnu::visibility("default")]] void softmetal_set_seed(uint64_t seed) {
  softmetal::settings().seed = seed;
}

extern "C" [[gnu::visibility("default")]] void softmetal_set_resident(unsigned groups) {
  softmetal::settings().resident = groups;
}

extern "C" [[gnu::visibility("default")]] void softmetal_set_late_host(int on) {
  softmetal::settings().late_host = on != 0;
}

extern "C" [[gnu::visibility("default")]] void softmetal_set_timeout(double seconds) {
  softmetal::settings().timeout = seconds;
}

extern "C" [[gnu::visibility("default")]] void softmetal_set_gpu_time(double seconds) {
  softmetal::settings().gpu_time = seconds;
}

extern "C" [[gnu::visibility("default")]] void softmetal_hold(int on) {
  softmetal::settings().hold = on != 0;
}

extern "C" [[gnu::visibility("default")]] void softmetal_refuse_objects(const char* kind, long count) {
  softmetal::refuse_objects(kind, count);
}

extern "C" [[gnu::visibility("default")]] void softmetal_fail_command_buffers(int code, long count) {
  softmetal::settings().fail_code = code;
  softmetal::settings().fail_count = count;
}

extern "C" [[gnu::visibility("default")]] long softmetal_live_objects(const char* kind) {
  @autoreleasepool {
    return softmetal::live_objects(kind ? [NSString stringWithUTF8String:kind] : nil);
  }
}

extern "C" [[gnu::visibility("default")]] long softmetal_made_objects(const char* kind) {
  return softmetal::made_objects(kind);
}
