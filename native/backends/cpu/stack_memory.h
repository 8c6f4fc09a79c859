#pragma once
#include <cstddef>

namespace ringway::cpu {

constexpr std::size_t kStackBytes = 64 * 1024;

// kStackBytes above a page that must not be touched; throws std::bad_alloc.
void* map_stack();
void unmap_stack(void* stack);

}  // namespace ringway::cpu
