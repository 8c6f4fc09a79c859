#include <unistd.h>

#include "backends/metal/platform.h"

namespace ringway::metal {

std::string why_switched_off() {
  return {};
}

unsigned long page_bytes() {
  return static_cast<unsigned long>(getpagesize());
}

}  // namespace ringway::metal
