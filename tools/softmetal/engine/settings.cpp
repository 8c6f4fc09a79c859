#include "engine/settings.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace softmetal {
namespace {

uint64_t number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 0) : otherwise;
}

}  // namespace

Settings& settings() {
  static Settings set{static_cast<unsigned>(std::max<uint64_t>(
                          1, number("SOFTMETAL_WORKERS", std::thread::hardware_concurrency()))),
                      number("SOFTMETAL_SEED", 0),
                      static_cast<unsigned>(number("SOFTMETAL_RESIDENT", 0)),
                      static_cast<double>(number("SOFTMETAL_TIMEOUT_MS", 10000)) * 1e-3,
                      number("SOFTMETAL_LATE_HOST", 0) != 0,
                      0,
                      false,
                      static_cast<int>(number("SOFTMETAL_FAIL", 0)),
                      number("SOFTMETAL_FAIL", 0) ? -1 : 0,
                      number("SOFTMETAL_ABORT", 0) != 0,
                      number("SOFTMETAL_LEAKS", 0) != 0};
  return set;
}

}  // namespace softmetal
