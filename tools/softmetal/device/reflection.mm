// What a kernel asks to be bound, from the types of its parameters.
#import "device/library.h"

@interface MTLArgument (SoftMetal)
- (id)initWithArgument:(const sm_argument*)argument;
@end

@interface SMBinding : NSObject <MTLBufferBinding, MTLThreadgroupBinding> {
  const sm_argument* _argument;
}
- (id)initWithArgument:(const sm_argument*)argument;
- (const sm_argument*)argument_;
@end

namespace {

MTLBindingAccess access_of(const sm_argument& argument) {
  return argument.writable ? MTLBindingAccessReadWrite : MTLBindingAccessReadOnly;
}

}  // namespace

@implementation SMBinding
- (id)initWithArgument:(const sm_argument*)argument {
  if ((self = [super init])) _argument = argument;
  return self;
}
- (const sm_argument*)argument_ {
  return _argument;
}
- (NSString*)name {
  return [NSString stringWithUTF8String:_argument->name];
}
- (MTLBindingType)type {
  return _argument->kind == SM_BUFFER ? MTLBindingTypeBuffer : MTLBindingTypeThreadgroupMemory;
}
- (MTLBindingAccess)access {
  return access_of(*_argument);
}
- (NSUInteger)index {
  return _argument->index;
}
- (BOOL)isUsed {
  return YES;
}
- (BOOL)isArgument {
  return YES;
}
- (NSUInteger)bufferAlignment {
  return _argument->align;
}
- (NSUInteger)bufferDataSize {
  return _argument->size;
}
- (MTLDataType)bufferDataType {
  return MTLDataType(_argument->data_type);
}
- (NSUInteger)threadgroupMemoryAlignment {
  return _argument->align;
}
- (NSUInteger)threadgroupMemoryDataSize {
  return _argument->size;
}
@end

@implementation MTLArgument
- (id)initWithArgument:(const sm_argument*)argument {
  if ((self = [super init])) _argument = argument;
  return self;
}
- (const sm_argument*)of {
  return static_cast<const sm_argument*>(_argument);
}
- (NSString*)name {
  return [NSString stringWithUTF8String:[self of]->name];
}
- (MTLArgumentType)type {
  return [self of]->kind == SM_BUFFER ? MTLArgumentTypeBuffer : MTLArgumentTypeThreadgroupMemory;
}
- (MTLBindingAccess)access {
  return access_of(*[self of]);
}
- (NSUInteger)index {
  return [self of]->index;
}
- (BOOL)isActive {
  return YES;
}
- (NSUInteger)bufferAlignment {
  return [self of]->align;
}
- (NSUInteger)bufferDataSize {
  return [self of]->size;
}
- (MTLDataType)bufferDataType {
  return MTLDataType([self of]->data_type);
}
- (NSUInteger)threadgroupMemoryAlignment {
  return [self of]->align;
}
- (NSUInteger)threadgroupMemoryDataSize {
  return [self of]->size;
}
@end

@implementation MTLComputePipelineReflection
- (id)initWithKernel:(const softmetal::Kernel*)kernel {
  if (!(self = [super init])) return nil;
  NSMutableArray* bindings = [NSMutableArray array];
  for (const sm_argument& argument : kernel->arguments)
    [bindings addObject:[[[SMBinding alloc] initWithArgument:&argument] autorelease]];
  _bindings = [bindings copy];
  return self;
}
- (void)dealloc {
  [_bindings release];
  [super dealloc];
}
- (NSArray*)bindings {
  return _bindings;
}
- (NSArray*)arguments {
  NSMutableArray* all = [NSMutableArray array];
  for (SMBinding* binding in _bindings)
    [all addObject:[[[MTLArgument alloc] initWithArgument:[binding argument_]] autorelease]];
  return all;
}
@end
