#pragma once
#include <string>
#include <vector>

#include "core/backend.h"

namespace ringway::cuda {

// A ring kernel: `handler` is its number in the image.
struct CudaRingEntry {
  KernelType type;
  u32 handler;
  u32 state_size;
};

const CudaRingEntry* find_entry(const std::string& name);
std::vector<const KernelType*> entries();

}  // namespace ringway::cuda
