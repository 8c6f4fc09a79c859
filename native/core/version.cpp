#include "core/version.h"

namespace ringway {

const char* version() {
  return RINGWAY_VERSION;
}
const char* compiler() {
  return RINGWAY_COMPILER;
}

}  // namespace ringway
