#include "backends/metal/library.h"

#include "backends/metal/errors.h"
#include "core/log.h"

namespace ringway::metal {
namespace {

[[noreturn]] void refuse(const std::string& what, NSError* error) {
  throw Error(ErrorKind::kBackendUnavailable, "backend 'metal': " + what + ": " + text_of(error));
}

// Named by its value, because SDKs before macOS 15 do not declare version 3.2.
MTLLanguageVersion version_of(u32 language) {
  return static_cast<MTLLanguageVersion>((language / 100 << 16) + language / 10 % 10);
}

Binding binding_of(id<MTLBinding> found) {
  Binding binding;
  binding.name = text_of([found name]);
  binding.index = u32([found index]);
  binding.threadgroup = [found type] == MTLBindingTypeThreadgroupMemory;
  binding.bytes = binding.threadgroup ? u32([(id<MTLThreadgroupBinding>)found threadgroupMemoryDataSize])
                                      : u32([(id<MTLBufferBinding>)found bufferDataSize]);
  return binding;
}

}  // namespace

Library::Library(const Gpu& gpu, const std::string& name, const std::string& source, u32 language)
    : gpu_(gpu), name_(name) {
  const AutoreleaseScope scope;
  const auto options = Owned<MTLCompileOptions*>::adopt([MTLCompileOptions new]);
  [options.get() setLanguageVersion:version_of(language)];
  [options.get() setFastMathEnabled:NO];  // results as IEEE 754 has them, as on the CPU
  NSError* error = nil;
  checked(name, [&] {
    library_ = Owned<id<MTLLibrary>>::adopt([gpu.device.get() newLibraryWithSource:string_of(source)
                                                                           options:options.get()
                                                                             error:&error]);
  });
  if (!library_) refuse("the kernels of '" + name + "' do not compile", error);
  [library_.get() setLabel:string_of("ringway " + name)];
  if (error) log::warning({"metal"}, [&] { return name + ": " + text_of(error); });
}

const Pipeline& Library::pipeline(const std::string& kernel) {
  std::lock_guard lock(changing_);
  auto& known = pipelines_[kernel];
  if (!known) known = make(kernel);
  return *known;
}

std::unique_ptr<Pipeline> Library::make(const std::string& kernel) const {
  const AutoreleaseScope scope;
  const auto function = Owned<id<MTLFunction>>::adopt([library_.get() newFunctionWithName:string_of(kernel)]);
  if (!function) throw Error(ErrorKind::kNotFound, name_ + " has no kernel '" + kernel + "'");
  const auto wanted = Owned<MTLComputePipelineDescriptor*>::adopt([MTLComputePipelineDescriptor new]);
  [wanted.get() setComputeFunction:function.get()];
  [wanted.get() setLabel:string_of(kernel)];
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->kernel = kernel;
  pipeline->label = owned_string(kernel);
  NSError* error = nil;
  MTLComputePipelineReflection* reflection = nil;
  checked(kernel, [&] {
    pipeline->state = Owned<id<MTLComputePipelineState>>::adopt([gpu_.device.get()
        newComputePipelineStateWithDescriptor:wanted.get()
                                      options:MTLPipelineOptionArgumentInfo | MTLPipelineOptionBufferTypeInfo
                                   reflection:&reflection
                                        error:&error]);
  });
  if (!pipeline->state) refuse("kernel '" + kernel + "' makes no pipeline", error);
  for (id<MTLBinding> found in [reflection bindings]) {
    if ([found isUsed]) pipeline->bindings.push_back(binding_of(found));
  }
  pipeline->most_group_threads = u32([pipeline->state.get() maxTotalThreadsPerThreadgroup]);
  return pipeline;
}

}  // namespace ringway::metal
