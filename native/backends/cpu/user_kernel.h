#pragma once
#include "backends/cpu/instance.h"

namespace ringway::cpu {

Entry entry_of(const UserKernel& kernel);

}  // namespace ringway::cpu
