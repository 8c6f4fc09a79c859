// The classes of the API that only hold values.
#import "device/library.h"
#import "device/validation.h"

#include <cstdint>
#include <cstring>

@implementation MTLCompileOptions
- (id)init {
  if (!(self = [super init])) return nil;
  _fast = YES;
  _version = MTLLanguageVersion3_1;
  return self;
}
- (void)dealloc {
  [_macros release];
  [super dealloc];
}
- (id)copyWithZone:(NSZone*)zone {
  MTLCompileOptions* copy = [MTLCompileOptions new];
  copy.preprocessorMacros = _macros;
  copy->_fast = _fast;
  copy->_version = _version;
  copy->_level = _level;
  copy->_threads = _threads;
  return copy;
}
- (NSDictionary*)preprocessorMacros {
  return _macros;
}
- (void)setPreprocessorMacros:(NSDictionary*)macros {
  if (macros == _macros) return;
  [_macros release];
  _macros = [macros copy];
}
- (BOOL)fastMathEnabled {
  return _fast;
}
- (void)setFastMathEnabled:(BOOL)enabled {
  _fast = enabled;
}
- (MTLLanguageVersion)languageVersion {
  return _version;
}
- (void)setLanguageVersion:(MTLLanguageVersion)version {
  _version = version;
}
- (MTLLibraryOptimizationLevel)optimizationLevel {
  return _level;
}
- (void)setOptimizationLevel:(MTLLibraryOptimizationLevel)level {
  _level = level;
}
- (NSUInteger)maxTotalThreadsPerThreadgroup {
  return _threads;
}
- (void)setMaxTotalThreadsPerThreadgroup:(NSUInteger)threads {
  _threads = threads;
}
@end

@implementation MTLComputePipelineDescriptor
- (void)dealloc {
  [self reset];
  [super dealloc];
}
- (id)copyWithZone:(NSZone*)zone {
  MTLComputePipelineDescriptor* copy = [MTLComputePipelineDescriptor new];
  copy.label = _label;
  copy.computeFunction = _function;
  copy->_multiple = _multiple;
  copy->_threads = _threads;
  return copy;
}
- (void)reset {
  self.label = nil;
  self.computeFunction = nil;
  _multiple = NO;
  _threads = 0;
}
- (NSString*)label {
  return _label;
}
- (void)setLabel:(NSString*)label {
  if (label == _label) return;
  [_label release];
  _label = [label copy];
}
- (id<MTLFunction>)computeFunction {
  return _function;
}
- (void)setComputeFunction:(id<MTLFunction>)function {
  [function retain];
  [_function release];
  _function = function;
}
- (BOOL)threadGroupSizeIsMultipleOfThreadExecutionWidth {
  return _multiple;
}
- (void)setThreadGroupSizeIsMultipleOfThreadExecutionWidth:(BOOL)multiple {
  _multiple = multiple;
}
- (NSUInteger)maxTotalThreadsPerThreadgroup {
  return _threads;
}
- (void)setMaxTotalThreadsPerThreadgroup:(NSUInteger)threads {
  _threads = threads;
}
@end

@implementation MTLCommandBufferDescriptor
- (id)init {
  if ((self = [super init])) _retained = YES;
  return self;
}
- (id)copyWithZone:(NSZone*)zone {
  MTLCommandBufferDescriptor* copy = [MTLCommandBufferDescriptor new];
  copy->_retained = _retained;
  copy->_options = _options;
  return copy;
}
- (BOOL)retainedReferences {
  return _retained;
}
- (void)setRetainedReferences:(BOOL)retained {
  _retained = retained;
}
- (MTLCommandBufferErrorOption)errorOptions {
  return _options;
}
- (void)setErrorOptions:(MTLCommandBufferErrorOption)options {
  _options = options;
}
@end

namespace {

template <class T>
T read(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// The value as C++.
NSString* literal(const void* value, MTLDataType type) {
  switch (type) {
    case MTLDataTypeBool: return read<uint8_t>(value) ? @"true" : @"false";
    case MTLDataTypeChar: return [NSString stringWithFormat:@"%d", int(read<int8_t>(value))];
    case MTLDataTypeUChar: return [NSString stringWithFormat:@"%d", int(read<uint8_t>(value))];
    case MTLDataTypeShort: return [NSString stringWithFormat:@"%d", int(read<int16_t>(value))];
    case MTLDataTypeUShort: return [NSString stringWithFormat:@"%d", int(read<uint16_t>(value))];
    case MTLDataTypeInt: return [NSString stringWithFormat:@"%d", read<int32_t>(value)];
    case MTLDataTypeUInt: return [NSString stringWithFormat:@"%uu", read<uint32_t>(value)];
    case MTLDataTypeFloat: return [NSString stringWithFormat:@"as_type<float>(%uu)", read<uint32_t>(value)];
    default:
      softmetal::broken(@"setConstantValue: type %lu is none of bool, 8 to 32-bit integers and float",
                        (unsigned long)type);
  }
}

NSUInteger size_of(MTLDataType type) {
  switch (type) {
    case MTLDataTypeBool:
    case MTLDataTypeChar:
    case MTLDataTypeUChar: return 1;
    case MTLDataTypeShort:
    case MTLDataTypeUShort: return 2;
    default: return 4;
  }
}

}  // namespace

@implementation MTLFunctionConstantValues
- (id)init {
  if ((self = [super init])) _values = [NSMutableDictionary new];
  return self;
}
- (void)dealloc {
  [_values release];
  [super dealloc];
}
- (id)copyWithZone:(NSZone*)zone {
  MTLFunctionConstantValues* copy = [MTLFunctionConstantValues new];
  [copy->_values addEntriesFromDictionary:_values];
  return copy;
}
- (void)setConstantValue:(const void*)value type:(MTLDataType)type atIndex:(NSUInteger)index {
  [_values setObject:literal(value, type) forKey:[NSString stringWithFormat:@"%lu", (unsigned long)index]];
}
- (void)setConstantValues:(const void*)values type:(MTLDataType)type withRange:(NSRange)range {
  for (NSUInteger i = 0; i < range.length; ++i)
    [self setConstantValue:static_cast<const char*>(values) + i * size_of(type)
                      type:type
                   atIndex:range.location + i];
}
- (void)setConstantValue:(const void*)value type:(MTLDataType)type withName:(NSString*)name {
  [_values setObject:literal(value, type) forKey:name];
}
- (void)reset {
  [_values removeAllObjects];
}
- (NSDictionary*)literals {
  return _values;
}
@end
