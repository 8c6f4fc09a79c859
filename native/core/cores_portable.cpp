#include <algorithm>
#include <thread>

#include "core/cores.h"

namespace ringway {

unsigned usable_cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace ringway
