#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "os/signpost.h"
#include "softmetal.h"

struct softmetal_log {
  std::string subsystem, category;
};

namespace {

// Apple's names for ids that mean none.
constexpr os_signpost_id_t kNull = 0, kInvalid = ~os_signpost_id_t(0);

struct Intervals {
  std::mutex mutex;
  std::set<std::pair<std::string, os_signpost_id_t>> open;
  long paired = 0, mistakes = 0;
};

Intervals& intervals() {
  static auto* const one = new Intervals;  // command buffers may end after main
  return *one;
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] os_log_t os_log_create(const char* subsystem, const char* category) {
  return new softmetal_log{subsystem, category};
}

[[gnu::visibility("default")]] void softmetal_signpost_begin(os_log_t log, os_signpost_id_t id,
                                                             const char* name, const char*, ...) {
  Intervals& all = intervals();
  const std::lock_guard<std::mutex> hold(all.mutex);
  const bool good = log && id != kNull && id != kInvalid && all.open.emplace(name, id).second;
  all.mistakes += !good;
}

[[gnu::visibility("default")]] void softmetal_signpost_end(os_log_t log, os_signpost_id_t id,
                                                           const char* name) {
  Intervals& all = intervals();
  const std::lock_guard<std::mutex> hold(all.mutex);
  const bool good = log && all.open.erase({name, id});
  ++(good ? all.paired : all.mistakes);
}

[[gnu::visibility("default")]] long softmetal_paired_signposts(void) {
  Intervals& all = intervals();
  const std::lock_guard<std::mutex> hold(all.mutex);
  return all.paired;
}

[[gnu::visibility("default")]] long softmetal_unpaired_signposts(void) {
  Intervals& all = intervals();
  const std::lock_guard<std::mutex> hold(all.mutex);
  return all.mistakes + static_cast<long>(all.open.size());
}

}  // extern "C"
