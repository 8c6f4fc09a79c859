#include <cstdlib>

#include "backends/metal/platform.h"

namespace ringway::metal {

std::string why_switched_off() {
  const char* asked = std::getenv("RINGWAY_METAL");
  if (asked && std::string(asked) == "software") return {};
  return "this build has the software Metal device, which is for tests: set RINGWAY_METAL=software to use it";
}

unsigned long page_bytes() {
  return 16384;  // as on Apple's processors
}

}  // namespace ringway::metal
