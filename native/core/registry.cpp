#include "core/registry.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "core/error.h"

namespace ringway {
namespace {

std::mutex changing;
std::vector<BackendEntry>& entries() {
  static auto* all = new std::vector<BackendEntry>;
  return *all;
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
  return entries();
}

BackendEntry choose_backend(const std::string& asked) {
  const char* wanted = asked == "auto" ? std::getenv("RINGWAY_BACKEND") : nullptr;
  const std::string name = wanted && *wanted ? wanted : asked;
  std::string names;
  for (BackendEntry& entry : backends()) {
    names += (names.empty() ? "" : ", ") + entry.name;
    if (name == "auto" ? entry.absent.empty() : entry.name == name) {
      if (entry.absent.empty()) return entry;
      throw Error(ErrorKind::kBackendUnavailable, "backend '" + name + "': " + entry.absent);
    }
  }
  throw Error(ErrorKind::kNotFound, "there is no backend '" + name + "'; backends: auto, " + names);
}

}  // namespace ringway
