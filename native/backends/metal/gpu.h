// The GPU that this process uses, and what it allows.
#pragma once
#import <Metal/Metal.h>

#include <string>

#include "backends/metal/object.h"
#include "ringway/config.h"

namespace ringway::metal {

struct Gpu {
  Owned<id<MTLDevice>> device;
  std::string name;
  u64 most_group_bytes = 0;  // of threadgroup memory
  u64 most_buffer_bytes = 0;
  // The newest version of the Metal Shading Language that both the system and the kernels know, as __METAL_VERSION__
  // writes it: 300 has relaxed atomics only, 320 has fences too.
  u32 language = 300;
};

// Why there is none to use; empty when there is. Looks once.
std::string why_no_gpu();
// Chosen once: the system's default, or the one that RINGWAY_METAL_DEVICE names, by number or by part of its name.
// Throws kBackendUnavailable.
const Gpu& gpu();
// What `ringway info` shows.
std::string description(const Gpu& gpu);

}  // namespace ringway::metal
