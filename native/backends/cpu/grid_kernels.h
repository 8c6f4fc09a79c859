#pragma once
#include "backends/cpu/grid_entry.h"

namespace ringway::cpu {

// Null when the backend has no such kernel for the element type.
const GridEntry* find_grid_entry(const std::string& kernel, DType element);
// For tests: an entry of the same kernel and element type is replaced.
void add_grid_entry(GridEntry entry);

}  // namespace ringway::cpu
