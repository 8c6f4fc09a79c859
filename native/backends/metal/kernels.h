#pragma once
#include <string>
#include <vector>

#include "core/backend.h"

namespace ringway::metal {

// A ring kernel: `function` of ring_kernels.metal runs its slices.
struct RingEntry {
  KernelType type;
  std::string function;
  u32 state_size;
};

const RingEntry* find_entry(const std::string& name);
std::vector<const KernelType*> entries();

}  // namespace ringway::metal
