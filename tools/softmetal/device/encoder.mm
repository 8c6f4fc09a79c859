#import "device/encoder.h"

#import "device/validation.h"

@implementation SMEncoder
- (id)initWithBuffer:(SMCommandBuffer*)buffer {
  if ((self = [super init])) _buffer = [buffer retain];
  return self;
}
- (void)dealloc {
  if (!_ended && !_buffer->_broken)
    softmetal::fatal(@"encoder%s is released without endEncoding", softmetal::label_of(self).c_str());
  if (!_ended) [_buffer closed];
  [_buffer release];
  [super dealloc];
}
- (void)setLabel:(NSString*)label {
  [super setLabel:label];
  if (!_ended) [_buffer part].label = [label UTF8String] ?: "";
}
- (void)requireOpen:(const char*)call {
  if (_ended) softmetal::broken(@"%s: encoder%s has ended", call, softmetal::label_of(self).c_str());
}
- (void)endEncoding {
  [self requireOpen:"endEncoding"];
  if (_groups) softmetal::broken(@"endEncoding: %d debug groups of the encoder are not popped", _groups);
  _ended = YES;
  [_buffer closed];
}
- (void)insertDebugSignpost:(NSString*)string {
  [self requireOpen:"insertDebugSignpost"];
  [_buffer part].signposts.push_back([string UTF8String]);
}
- (void)pushDebugGroup:(NSString*)string {
  [self requireOpen:"pushDebugGroup"];
  ++_groups;
  [_buffer part].signposts.push_back([string UTF8String]);
}
- (void)popDebugGroup {
  [self requireOpen:"popDebugGroup"];
  if (!_groups) softmetal::broken(@"popDebugGroup: no group of the encoder is pushed");
  --_groups;
}
@end
