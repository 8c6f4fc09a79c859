// What the environment sets (docs/softmetal.md lists the variables), and what tests may change later.
#pragma once
#include <atomic>
#include <cstdint>

namespace softmetal {

struct Settings {
  unsigned workers;                // threads of the system that run threadgroups
  std::atomic<uint64_t> seed;      // 0: plain order
  std::atomic<unsigned> resident;  // threadgroups in progress at once under a seed; 0: the seed decides
  std::atomic<double> timeout;     // seconds
  std::atomic<bool> late_host;     // kernels see what the host writes meanwhile late
  bool abort;                      // on a broken rule, instead of an exception
  bool report_leaks;
};

Settings& settings();

}  // namespace softmetal
