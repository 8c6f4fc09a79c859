#import "device/library.h"

#include <algorithm>
#include <sstream>

#import "device/dispatch_data.h"
#import "device/validation.h"

NSString* const MTLLibraryErrorDomain = @"MTLLibraryErrorDomain";

namespace softmetal {
namespace {

unsigned version_of(MTLLanguageVersion version) {
  return static_cast<unsigned>((version >> 16) * 100 + (version & 0xffff) * 10);
}

CompileOptions options_of(MTLCompileOptions* asked) {
  CompileOptions options;
  if (!asked) return options;
  options.version = version_of(asked.languageVersion);
  options.fast_math = asked.fastMathEnabled;
  if (asked.maxTotalThreadsPerThreadgroup)
    options.max_threads = static_cast<unsigned>(asked.maxTotalThreadsPerThreadgroup);
  for (NSString* name in [asked.preprocessorMacros allKeys])
    options.macros[[name UTF8String]] =
        [[[asked.preprocessorMacros objectForKey:name] description] UTF8String];
  return options;
}

constexpr const char* kMagic = "SOFTMETALLIB";
constexpr unsigned kNewest = 320;

SMLibrary* library_of(const std::string& whole, const CompileOptions& options, NSError** error) {
  const Compiled compiled = compile(whole, options);
  if (error) *error = nil;
  if (!compiled.module) {
    if (error)
      *error = error_of(MTLLibraryErrorDomain, MTLLibraryErrorCompileFailure,
                        "program_source compilation failed:\n" + compiled.diagnostics);
    return nil;
  }
  if (error && !compiled.diagnostics.empty())
    *error = error_of(MTLLibraryErrorDomain, MTLLibraryErrorCompileWarning, compiled.diagnostics);
  SMLibrary* library = [SMLibrary new];
  library->_module = compiled.module;
  library->_source = new std::string(whole);
  library->_compileOptions = new CompileOptions(options);
  return library;
}

}  // namespace

SMLibrary* new_library(NSString* source, MTLCompileOptions* asked, NSError** error) {
  if (!source) broken(@"newLibraryWithSource: the source is nil");
  return library_of([source UTF8String], options_of(asked), error);
}

SMLibrary* load_library(dispatch_data_t data, NSError** error) {
  if (!data) broken(@"newLibraryWithData: the data is nil");
  if (error) *error = nil;
  const auto refuse = [error](MTLLibraryError code, const std::string& text) -> SMLibrary* {
    if (error) *error = error_of(MTLLibraryErrorDomain, code, text);
    return nil;
  };
  const std::string whole(bytes_of(data));
  const size_t line = whole.find('\n');
  std::istringstream head(whole.substr(0, line));
  std::string magic;
  CompileOptions options;
  size_t size = 0;
  head >> magic >> options.version >> options.fast_math >> size;
  if (!head || magic != kMagic || line == std::string::npos || size != whole.size() - line - 1)
    return refuse(MTLLibraryErrorUnsupported, "Invalid library file");
  if (options.version > kNewest)
    return refuse(MTLLibraryErrorUnsupported,
                  "This library is using language version " + std::to_string(options.version / 100) + "." +
                      std::to_string(options.version / 10 % 10) + " which is not supported on this OS.");
  return library_of(whole.substr(line + 1), options, error);
}

SMPipeline* new_pipeline(MTLComputePipelineDescriptor* descriptor, NSError** error) {
  require_live(descriptor.computeFunction, [SMFunction class], "newComputePipelineState: function");
  const Kernel* kernel = static_cast<SMFunction*>(descriptor.computeFunction)->_kernel;
  if (error) *error = nil;
  if (kernel->variable_bytes > SM_GROUP_BYTES) {
    if (error)
      *error = error_of(@"AGXMetalG13X", 3,
                        "Compute Function(" + kernel->name + "): Threadgroup memory size (" +
                            std::to_string(kernel->variable_bytes) +
                            ") exceeds the maximum threadgroup memory allowed (32768)");
    return nil;
  }
  SMPipeline* pipeline = [SMPipeline new];
  [pipeline setLabel:descriptor.label];
  pipeline->_kernel = kernel;
  pipeline->_maxThreads = kernel->max_threads;
  pipeline->_multiple = descriptor.threadGroupSizeIsMultipleOfThreadExecutionWidth;
  if (descriptor.maxTotalThreadsPerThreadgroup)
    pipeline->_maxThreads =
        std::min<NSUInteger>(pipeline->_maxThreads, descriptor.maxTotalThreadsPerThreadgroup);
  return pipeline;
}

}  // namespace softmetal

@interface MTLFunctionConstant (SoftMetal)
- (id)initWith:(const sm_constant&)constant;
@end

@implementation MTLFunctionConstant
- (id)initWith:(const sm_constant&)constant {
  if (!(self = [super init])) return nil;
  _name = [[NSString alloc] initWithUTF8String:constant.name];
  _type = MTLDataType(constant.data_type);
  _index = constant.index;
  _required = YES;
  return self;
}
- (void)dealloc {
  [_name release];
  [super dealloc];
}
- (NSString*)name {
  return _name;
}
- (MTLDataType)type {
  return _type;
}
- (NSUInteger)index {
  return _index;
}
- (BOOL)required {
  return _required;
}
@end

@implementation SMLibrary
- (void)dealloc {
  delete _source;
  delete _compileOptions;
  [super dealloc];
}
- (id<MTLFunction>)newFunctionWithName:(NSString*)name {
  const auto found = _module->kernels.find([name UTF8String]);
  if (found == _module->kernels.end()) return nil;
  SMFunction* function = [SMFunction new];
  function->_module = _module;
  function->_kernel = &found->second;
  return function;
}
- (id<MTLFunction>)newFunctionWithName:(NSString*)name
                        constantValues:(MTLFunctionConstantValues*)constantValues
                                 error:(NSError**)error {
  if (error) *error = nil;
  softmetal::CompileOptions options = *_compileOptions;
  NSDictionary* literals = [constantValues literals];
  for (NSString* key in [literals allKeys])
    options.constants[[key UTF8String]] = [[literals objectForKey:key] UTF8String];
  const softmetal::Compiled compiled = softmetal::compile(*_source, options);
  const auto* module = compiled.module;
  if (!module || !module->kernels.count([name UTF8String])) {
    if (error)
      *error = softmetal::error_of(
          MTLLibraryErrorDomain, module ? MTLLibraryErrorFunctionNotFound : MTLLibraryErrorCompileFailure,
          module ? std::string("no function '") + [name UTF8String] + "'" : compiled.diagnostics);
    return nil;
  }
  SMFunction* function = [SMFunction new];
  function->_module = module;
  function->_kernel = &module->kernels.at([name UTF8String]);
  return function;
}
- (NSArray*)functionNames {
  NSMutableArray* names = [NSMutableArray array];
  for (const auto& [name, kernel] : _module->kernels) [names addObject:softmetal::text(name)];
  return names;
}
@end

@implementation SMFunction
- (NSString*)name {
  return softmetal::text(_kernel->name);
}
- (MTLFunctionType)functionType {
  return MTLFunctionTypeKernel;
}
- (NSDictionary*)functionConstantsDictionary {
  NSMutableDictionary* all = [NSMutableDictionary dictionary];
  for (const sm_constant& constant : _module->constants)
    [all setObject:[[[MTLFunctionConstant alloc] initWith:constant] autorelease]
            forKey:[NSString stringWithUTF8String:constant.name]];
  return all;
}
@end

@implementation SMPipeline
- (NSUInteger)maxTotalThreadsPerThreadgroup {
  return _maxThreads;
}
- (NSUInteger)threadExecutionWidth {
  return SM_LANES;
}
- (NSUInteger)staticThreadgroupMemoryLength {
  return _kernel->variable_bytes;
}
@end
