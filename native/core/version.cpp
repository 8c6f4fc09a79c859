#include "core/version.h"

namespace ringway {

const char* version() { return RINGWAY_VERSION; }

}  // namespace ringway
