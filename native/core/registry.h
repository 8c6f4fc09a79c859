// Which backends this build has. Each is registered once, present or with the reason for its absence.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/dispatch.h"

namespace ringway {

struct BackendEntry {
  std::string name;
  std::string absent;  // why it cannot be used here; empty when it can
  // `workers` = 0 lets the backend choose.
  std::function<std::unique_ptr<Backend>(const HostServices&, u32 workers)> make;
  // The dispatch level; `workers` likewise.
  std::function<std::unique_ptr<Dispatcher>(u32 workers)> open_dispatcher = {};
};

// The last registration of a name counts, in the place of the first.
void register_backend(BackendEntry entry);
// In order of registration, in which "auto" tries them.
std::vector<BackendEntry> backends();
// `name` may be "auto", for which RINGWAY_BACKEND can stand in; throws kNotFound or kBackendUnavailable.
BackendEntry choose_backend(const std::string& name);

}  // namespace ringway
