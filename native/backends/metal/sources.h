// This folder's .metal files, as the build put them into the program: their texts, each with its headers
// (tools/embed_metal.py), and what Xcode's compiler made of them where there is one (offline.cmake).
#pragma once
#include <cstddef>

#include "ringway/config.h"

namespace ringway::metal {

// A compiled library, as newLibraryWithData: takes it; empty when there is none.
struct CompiledKernels {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
};

extern const char* const source_of_grid_kernels;
extern const char* const source_of_ring_kernels;
// For a version of the language, as Gpu::language.
CompiledKernels compiled_grid_kernels(u32 language);
CompiledKernels compiled_ring_kernels(u32 language);

}  // namespace ringway::metal
