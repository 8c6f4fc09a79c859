#pragma once
#import <Metal/MTLArgument.h>

@interface MTLComputePipelineReflection : NSObject {
  NSArray* _bindings;
}
@property(readonly) NSArray* bindings;
@property(readonly) NSArray* arguments;
@end

@interface MTLComputePipelineDescriptor : NSObject <NSCopying> {
  NSString* _label;
  id<MTLFunction> _function;
  BOOL _multiple;
  NSUInteger _threads;
}
@property(copy, nonatomic) NSString* label;
@property(retain, nonatomic) id<MTLFunction> computeFunction;
@property(nonatomic) BOOL threadGroupSizeIsMultipleOfThreadExecutionWidth;
@property(nonatomic) NSUInteger maxTotalThreadsPerThreadgroup;
- (void)reset;
@end

@protocol MTLComputePipelineState <NSObject>
@property(readonly) NSString* label;
@property(readonly) id<MTLDevice> device;
@property(readonly) NSUInteger maxTotalThreadsPerThreadgroup;
@property(readonly) NSUInteger threadExecutionWidth;
@property(readonly) NSUInteger staticThreadgroupMemoryLength;
@end
