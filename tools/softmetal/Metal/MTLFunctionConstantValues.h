#pragma once
#import <Metal/MTLArgument.h>

@interface MTLFunctionConstantValues : NSObject <NSCopying> {
  NSMutableDictionary* _values;
}
- (void)setConstantValue:(const void*)value type:(MTLDataType)type atIndex:(NSUInteger)index;
- (void)setConstantValues:(const void*)values type:(MTLDataType)type withRange:(NSRange)range;
- (void)setConstantValue:(const void*)value type:(MTLDataType)type withName:(NSString*)name;
- (void)reset;
@end
