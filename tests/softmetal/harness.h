// Short forms for tests over the Metal API.
#pragma once
#import <Metal/Metal.h>

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace softmetal_test {

// Objects made by it are given back to the autorelease pool.
struct Device {
  id<MTLDevice> device;
  id<MTLCommandQueue> queue;
  id<MTLLibrary> library = nil;

  explicit Device(const char* source, int version = 32, NSDictionary* macros = nil);
  id<MTLComputePipelineState> pipeline(const char* name) const;
  id<MTLBuffer> buffer(size_t bytes, const char* label = nullptr) const;
};

using Encode = std::function<void(id<MTLComputeCommandEncoder>)>;

// Encodes, commits and waits. An exception of `encode` ends the encoder and goes on.
id<MTLCommandBuffer> run(const Device& device, const Encode& encode);
// What the command buffer failed with, or nothing.
std::string failure(id<MTLCommandBuffer> buffer);
// What the rule that `call` breaks says, or nothing.
std::string broken_rule(const std::function<void()>& call);
// The diagnostics of a source that does not compile, or nothing.
std::string compile_error(const char* source, int version = 32);
// A file of this folder, headers in place.
std::string embedded(const char* name);

template <class T>
T* contents(id<MTLBuffer> buffer) {
  return static_cast<T*>([buffer contents]);
}

}  // namespace softmetal_test

#define EXPECT_SAYS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "it says: " << std::string(text)
