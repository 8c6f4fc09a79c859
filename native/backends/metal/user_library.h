#pragma once
#include "backends/metal/library.h"
#include "core/user_kernel.h"

namespace ringway::metal {

// Runs slices of a kernel that a program brings. Its text is compiled with the loop at the first call, once in a process.
// Throws kKernel with file, line and text of each of the compiler's errors.
const Pipeline& pipeline_of(const PortableKernel& kernel);

}  // namespace ringway::metal
