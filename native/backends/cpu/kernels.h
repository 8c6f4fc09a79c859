#pragma once
#include <string>
#include <vector>

#include "backends/cpu/instance.h"

namespace ringway::cpu {

// The built-in kernels, and those that tests add.
const Entry* find_entry(const std::string& name);
std::vector<const KernelType*> entries();
// Before any runtime launches it; replaces one of the same name.
void add_entry(Entry entry);

}  // namespace ringway::cpu
