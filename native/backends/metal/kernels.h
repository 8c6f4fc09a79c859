#pragma once
#include <string>
#include <vector>

#include "core/backend.h"

namespace ringway::metal {

// A ring kernel: `function` of ring_kernels.metal runs its slices.
struct Entry {
  KernelType type;
  std::string function;
  u32 state_size;
};

const Entry* find_entry(const std::string& name);
std::vector<const KernelType*> entries();

}  // namespace ringway::metal
