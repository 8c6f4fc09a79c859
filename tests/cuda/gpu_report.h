// What gpu_check finds: checks passed and failed, and rows of times in the form of benchmarks/report.py.
#pragma once
#include <functional>
#include <sstream>
#include <string>

namespace ringway {

struct Report {
  std::ostringstream checks, rows;
  int passed = 0, failed = 0;

  // `wrong` says what a check found; empty: nothing.
  void add_check(const std::string& what, const std::string& wrong);
  // Medians of several samples, the first left out.
  void add_row(const std::string& what, const std::string& contestant, const std::string& unit,
               const std::function<double()>& sample);
};

double seconds_of(const std::function<void()>& work);

// Ring kernels: every message of a soak of so many is looked at; then times, if asked for.
void check_rings(Report& report, unsigned messages);
void measure_rings(Report& report, bool small);

}  // namespace ringway
