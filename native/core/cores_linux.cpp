#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "core/cores.h"

namespace ringway {
namespace {

unsigned affinity() {
  constexpr int kMostCores = 8192;
  cpu_set_t* set = CPU_ALLOC(kMostCores);
  const std::size_t bytes = CPU_ALLOC_SIZE(kMostCores);
  const bool known = sched_getaffinity(0, bytes, set) == 0;
  const int count = known ? CPU_COUNT_S(bytes, set) : static_cast<int>(std::thread::hardware_concurrency());
  CPU_FREE(set);
  return static_cast<unsigned>(std::max(1, count));
}

// Whole cores of a control group's quota, or 0 when there is none.
unsigned quota() {
  double allowed = 0;
  double period = 0;
  std::string word;
  if (std::ifstream two("/sys/fs/cgroup/cpu.max"); two >> word >> period && word != "max") {
    allowed = std::strtod(word.c_str(), nullptr);
  } else {
    std::ifstream one_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    std::ifstream one_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(one_quota >> allowed && one_period >> period)) return 0;
  }
  if (allowed <= 0 || period <= 0) return 0;
  return static_cast<unsigned>(std::max(1.0, std::floor(allowed / period)));
}

}  // namespace

unsigned usable_cores() {
  const unsigned limit = quota();
  return limit ? std::min(limit, affinity()) : affinity();
}

}  // namespace ringway
