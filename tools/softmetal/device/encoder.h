#pragma once
#import "device/command_buffer.h"

// What the encoders have in common.
@interface SMEncoder : SMObject <MTLCommandEncoder> {
 @public
  SMCommandBuffer* _buffer;
  BOOL _ended;
  int _groups;
}
- (id)initWithBuffer:(SMCommandBuffer*)buffer;
// Refuses `call` after endEncoding.
- (void)requireOpen:(const char*)call;
@end
