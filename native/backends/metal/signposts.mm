#include <os/log.h>
#include <os/signpost.h>

#include "backends/metal/platform.h"

namespace ringway::metal {
namespace {

os_log_t signposts() {
  static os_log_t const log = os_log_create("ringway", "metal");
  return log;
}

}  // namespace

void signpost_begin(unsigned long long id, const char* what) {
  os_signpost_interval_begin(signposts(), id, "commands", "%s", what);
}
void signpost_end(unsigned long long id) {
  os_signpost_interval_end(signposts(), id, "commands");
}

}  // namespace ringway::metal
