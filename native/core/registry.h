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
  // (optional) Ring kernels; `workers` = 0 lets the backend choose.
  std::function<std::unique_ptr<Backend>(const HostServices&, u32 workers)> make = {};
  // (optional) The dispatch level; `workers` likewise.
  std::function<std::unique_ptr<Dispatcher>(u32 workers)> open_dispatcher = {};
  // What a caller who spreads work over its kernels, as the PageRank orchestrator does, goes by.
  bool float64 = true;       // its kernels compute in double where that is asked for
  bool fast_threads = true;  // one thread of a handler is worth a core of the host
  u32 parallel = 0;  // kernels that it runs at the same time; 0: one on each core that the process may use
  u32 most_elements = 0;       // of arrays that a handler should go through before it returns; 0: any number
  bool locked_memory = false;  // a kernel holds all memory of its queues from its launch on
  // (optional) Looks for the device when somebody first asks, so that an import need not; returns what `absent` holds.
  std::function<std::string()> probe = {};
};

// What a caller needs of a backend.
enum class BackendLevel { kRingKernels, kDispatches };

// The last registration of a name counts, in the place of the first.
void register_backend(BackendEntry entry);
// In order of registration, in which "auto" tries them.
std::vector<BackendEntry> backends();
// `name` may be "auto", for which RINGWAY_BACKEND can stand in: the first that is present and has that level. Throws
// kNotFound or kBackendUnavailable.
BackendEntry choose_backend(const std::string& name, BackendLevel level);

}  // namespace ringway
