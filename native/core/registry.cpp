#include "core/registry.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>

#include "core/error.h"

namespace ringway {
namespace {

constexpr std::array<const char*, 3> kPreference = {"cuda", "metal", "cpu"};

std::mutex changing;
std::vector<BackendEntry>& entries() {
  static auto* all = new std::vector<BackendEntry>;
  return *all;
}

std::size_t rank_of(const BackendEntry& entry) {
  return static_cast<std::size_t>(std::find(kPreference.begin(), kPreference.end(), entry.name) -
                                  kPreference.begin());
}

}  // namespace

void register_backend(BackendEntry entry) {
  std::lock_guard lock(changing);
  auto& all = entries();
  std::erase_if(all, [&](const BackendEntry& other) { return other.name == entry.name; });
  all.push_back(std::move(entry));
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return rank_of(a) < rank_of(b); });
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
