#pragma once
#import "device/object.h"

#include "engine/memory.h"

@interface SMBuffer : SMObject <MTLBuffer> {
 @public
  softmetal::Memory* _memory;  // null where the memory is the user's
  char* _data;
  NSUInteger _length;
  MTLResourceOptions _options;
  void (^_deallocator)(void*, NSUInteger);
}
// Nil where there is no memory.
- (id)initWithLength:(NSUInteger)length options:(MTLResourceOptions)options;
- (id)initWithMemory:(void*)pointer
              length:(NSUInteger)length
             options:(MTLResourceOptions)options
         deallocator:(void (^)(void*, NSUInteger))deallocator;
@end

namespace softmetal {

constexpr NSUInteger kMostBufferBytes = NSUInteger(1) << 34;
NSUInteger allocated_bytes();

}  // namespace softmetal
