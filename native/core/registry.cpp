#include "core/registry.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "core/error.h"

namespace ringway {
namespace {

std::mutex changing;
std::vector<BackendEntry>& entries() {
  static auto* all = new std::vector<BackendEntry>;
  return *all;
}

// Looks for the device, once.
void probe(BackendEntry& entry) {
  if (!entry.probe) return;
  entry.absent = entry.probe();
  entry.probe = nullptr;
}

}  // namespace

void register_backend(BackendEntry entry) {
  std::lock_guard lock(changing);
  auto& all = entries();
  const auto known = std::find_if(all.begin(), all.end(),
                                  [&](const BackendEntry& other) { return other.name == entry.name; });
  known == all.end() ? void(all.push_back(std::move(entry))) : void(*known = std::move(entry));
}

std::vector<BackendEntry> backends() {
  std::lock_guard lock(changing);
  for (BackendEntry& entry : entries()) probe(entry);
  return entries();
}

BackendEntry choose_backend(const std::string& asked, BackendLevel level) {
  const char* wanted = asked == "auto" ? std::getenv("RINGWAY_BACKEND") : nullptr;
  const std::string name = wanted && *wanted ? wanted : asked;
  std::string names;
  std::lock_guard lock(changing);
  for (BackendEntry& entry : entries()) {
    names += (names.empty() ? "" : ", ") + entry.name;
    if (name != "auto" && name != entry.name) continue;
    probe(entry);
    const bool has_level =
        level == BackendLevel::kRingKernels ? bool(entry.make) : bool(entry.open_dispatcher);
    if (name == "auto") {
      if (entry.absent.empty() && has_level) return entry;
    } else {
      if (!entry.absent.empty())
        throw Error(ErrorKind::kBackendUnavailable, "backend '" + name + "': " + entry.absent);
      if (has_level) return entry;
      throw Error(ErrorKind::kBackendUnavailable,
                  "backend '" + name + "' has " +
                      (level == BackendLevel::kRingKernels
                           ? "dispatches but no ring kernels; ringway.Runtime(backend='cpu') has them"
                           : "ring kernels but no dispatches; ringway.Device(backend='cpu') has them"));
    }
  }
  throw Error(ErrorKind::kNotFound, "there is no backend '" + name + "'; backends: auto, " + names);
}

}  // namespace ringway
