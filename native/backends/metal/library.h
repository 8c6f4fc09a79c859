// Kernels that the build compiled, or else from the source that it put into the program; and what their pipelines expect
// to be bound.
#pragma once
#import <Metal/Metal.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/metal/gpu.h"
#include "backends/metal/object.h"
#include "backends/metal/sources.h"

namespace ringway::metal {

// A parameter of a kernel, by Metal's reflection.
struct Binding {
  std::string name;
  u32 index = 0;
  bool threadgroup = false;  // threadgroup memory, whose indices are counted on their own
  u32 bytes = 0;             // of one element, or of the value
};

struct Pipeline {
  std::string kernel;
  Owned<NSString*> label;  // the same, made once
  Owned<id<MTLComputePipelineState>> state;
  std::vector<Binding> bindings;
  u32 most_group_threads = 0;
};

class Library {
 public:
  // `source` is one text with its headers in place (tools/embed_metal.py), `language` its version, as in Gpu. It is
  // compiled when there is nothing `compiled`, or the system does not load that, or makes no pipeline of it. Throws
  // kBackendUnavailable with file, line and text of each of the compiler's errors.
  Library(const Gpu& gpu, const std::string& name, const std::string& source, u32 language,
          CompiledKernels compiled = {});

  // Compiled at the first call; may be called by several threads. Throws kNotFound, or kBackendUnavailable when the
  // device cannot run it.
  const Pipeline& pipeline(const std::string& kernel);

 private:
  void load(CompiledKernels compiled);
  void compile();
  std::unique_ptr<Pipeline> make(const std::string& kernel) const;

  const Gpu& gpu_;
  const std::string name_;
  const std::string source_;
  const u32 language_;
  Owned<id<MTLLibrary>> library_;
  bool of_build_ = false;  // it is what the build compiled
  std::mutex changing_;
  std::map<std::string, std::unique_ptr<Pipeline>> pipelines_;
};

}  // namespace ringway::metal
