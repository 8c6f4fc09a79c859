#import "softmetal/harness.h"

#include <fstream>
#include <sstream>

namespace softmetal_test {
namespace {

MTLCompileOptions* options(int version, NSDictionary* macros) {
  MTLCompileOptions* all = [[MTLCompileOptions new] autorelease];
  all.languageVersion = static_cast<MTLLanguageVersion>((version / 10 << 16) + version % 10);
  all.fastMathEnabled = NO;
  all.preprocessorMacros = macros;
  return all;
}

std::string description(NSError* error) {
  return error ? [[error localizedDescription] UTF8String] : "";
}

}  // namespace

Device::Device(const char* source, int version, NSDictionary* macros)
    : device([MTLCreateSystemDefaultDevice() autorelease]), queue([[device newCommandQueue] autorelease]) {
  NSError* error = nil;
  library = [[device newLibraryWithSource:[NSString stringWithUTF8String:source]
                                  options:options(version, macros)
                                    error:&error] autorelease];
  EXPECT_TRUE(library) << description(error);
}

id<MTLComputePipelineState> Device::pipeline(const char* name) const {
  id<MTLFunction> function = [[library newFunctionWithName:[NSString stringWithUTF8String:name]] autorelease];
  NSError* error = nil;
  id<MTLComputePipelineState> made =
      function ? [[device newComputePipelineStateWithFunction:function error:&error] autorelease] : nil;
  EXPECT_TRUE(made) << name << ": " << description(error);
  return made;
}

id<MTLBuffer> Device::buffer(size_t bytes, const char* label) const {
  id<MTLBuffer> made = [[device newBufferWithLength:bytes options:MTLResourceStorageModeShared] autorelease];
  if (label) made.label = [NSString stringWithUTF8String:label];
  return made;
}

id<MTLCommandBuffer> run(const Device& device, const Encode& encode) {
  id<MTLCommandBuffer> buffer = [device.queue commandBuffer];
  id<MTLComputeCommandEncoder> encoder = [buffer computeCommandEncoder];
  @try {
    encode(encoder);
  } @finally {
    [encoder endEncoding];
  }
  [buffer commit];
  [buffer waitUntilCompleted];
  return buffer;
}

std::string failure(id<MTLCommandBuffer> buffer) {
  return description([buffer error]);
}

std::string broken_rule(const std::function<void()>& call) {
  @try {
    call();
  } @catch (NSException* exception) {
    return [[exception reason] UTF8String];
  }
  return "";
}

std::string compile_error(const char* source, int version) {
  id<MTLDevice> device = [MTLCreateSystemDefaultDevice() autorelease];
  NSError* error = nil;
  id<MTLLibrary> library = [device newLibraryWithSource:[NSString stringWithUTF8String:source]
                                                options:options(version, nil)
                                                  error:&error];
  [library release];
  return library ? "" : description(error);
}

std::string embedded(const char* name) {
  std::ifstream in(std::string(SOFTMETAL_TEST_SOURCES) + "/" + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace softmetal_test
