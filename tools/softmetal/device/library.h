#pragma once
#import "device/object.h"

#include "compiler/compile.h"

@interface SMLibrary : SMObject <MTLLibrary> {
 @public
  const softmetal::Module* _module;
  std::string* _source;
  softmetal::CompileOptions* _compileOptions;
}
@end

@interface SMFunction : SMObject <MTLFunction> {
 @public
  const softmetal::Module* _module;
  const softmetal::Kernel* _kernel;
}
@end

@interface SMPipeline : SMObject <MTLComputePipelineState> {
 @public
  const softmetal::Kernel* _kernel;
  NSUInteger _maxThreads;
  BOOL _multiple;
}
@end

@interface MTLFunctionConstantValues (SoftMetal)
- (NSDictionary*)literals;
@end

@interface MTLComputePipelineReflection (SoftMetal)
- (id)initWithKernel:(const softmetal::Kernel*)kernel;
@end

namespace softmetal {

SMLibrary* new_library(NSString* source, MTLCompileOptions* options, NSError** error);
// Of a file that tools/softmetal/xcrun made.
SMLibrary* load_library(dispatch_data_t data, NSError** error);
SMPipeline* new_pipeline(MTLComputePipelineDescriptor* descriptor, NSError** error);

}  // namespace softmetal
