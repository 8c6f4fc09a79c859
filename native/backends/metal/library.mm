#include "backends/metal/library.h"

#include <dispatch/dispatch.h>

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

Library::Library(const Gpu& gpu, const std::string& name, const std::string& source, u32 language,
                 CompiledKernels compiled)
    : gpu_(gpu), name_(name), source_(source), language_(language) {
  const AutoreleaseScope scope;
  if (compiled.size) load(compiled);
  if (!library_) compile();
}

// Leaves no library when the system does not take it: an older one than it was built for, for instance.
void Library::load(CompiledKernels compiled) {
  const auto data = Owned<dispatch_data_t>::adopt(
      dispatch_data_create(compiled.bytes, compiled.size, nullptr, DISPATCH_DATA_DESTRUCTOR_DEFAULT));
  NSError* error = nil;
  checked(name_, [&] {
    library_ = Owned<id<MTLLibrary>>::adopt([gpu_.device.get() newLibraryWithData:data.get() error:&error]);
  });
  of_build_ = bool(library_);
  [library_.get() setLabel:string_of("ringway " + name_)];
  log::debug({"metal"}, [&] {
    const std::string which = name_ + " for version " + std::to_string(language_);
    return library_ ? which + ": loaded as the build compiled it"
                    : which + ": what the build compiled does not load: " + text_of(error);
  });
}

void Library::compile() {
  const auto options = Owned<MTLCompileOptions*>::adopt([MTLCompileOptions new]);
  [options.get() setLanguageVersion:version_of(language_)];
  [options.get() setFastMathEnabled:NO];  // results as IEEE 754 has them, as on the CPU
  NSError* error = nil;
  checked(name_, [&] {
    library_ = Owned<id<MTLLibrary>>::adopt([gpu_.device.get() newLibraryWithSource:string_of(source_)
                                                                            options:options.get()
                                                                              error:&error]);
  });
  if (!library_) refuse("the kernels of '" + name_ + "' do not compile", error);
  [library_.get() setLabel:string_of("ringway " + name_)];
  if (error) log::warning({"metal"}, [&] { return name_ + ": " + text_of(error); });
  log::debug({"metal"},
             [&] { return name_ + " for version " + std::to_string(language_) + ": compiled from source"; });
}

const Pipeline& Library::pipeline(const std::string& kernel) {
  std::lock_guard lock(changing_);
  auto& known = pipelines_[kernel];
  if (known) return *known;
  try {
    known = make(kernel);
  } catch (const Error& error) {
    if (!of_build_) throw;
    log::debug({"metal"}, [&] { return name_ + ": of what the build compiled: " + error.what(); });
    const AutoreleaseScope scope;
    compile();
    of_build_ = false;
    known = make(kernel);
  }
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
