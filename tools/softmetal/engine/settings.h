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
  std::atomic<double> gpu_time;    // seconds that command buffers say they took; 0: what they took
  std::atomic<bool> hold;          // command buffers do not begin
  std::atomic<int> fail_code;      // with which command buffers end
  std::atomic<long> fail_count;    // how many of the next ones; -1: all
  bool abort;                      // on a broken rule, instead of an exception
  bool report_leaks;
};

Settings& settings();

}  // namespace softmetal
