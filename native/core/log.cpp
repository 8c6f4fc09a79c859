#include "core/log.h"

#include <cstdio>
#include <cstdlib>

#include "core/wait.h"

namespace ringway::log {
namespace {

Level from_environment() {
  const char* value = std::getenv("RINGWAY_LOG");
  const std::string name = value ? value : "";
  if (name == "debug") return Level::kDebug;
  if (name == "info") return Level::kInfo;
  if (name == "warning") return Level::kWarning;
  return Level::kSilent;
}

const char* name_of(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kSilent: break;
  }
  return "silent";
}

}  // namespace

Level threshold() {
  static const Level level = from_environment();
  return level;
}

void write(Level level, const std::string& text) {
  const std::uint64_t us = unix_us();
  std::fprintf(stderr, "ringway %llu.%06llu %s: %s\n", static_cast<unsigned long long>(us / 1'000'000),
               static_cast<unsigned long long>(us % 1'000'000), name_of(level), text.c_str());
}

}  // namespace ringway::log
