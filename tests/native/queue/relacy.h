// Runs a suite under Relacy and prints what was covered.
#pragma once
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <streambuf>

#include "relacy/relacy.hpp"

namespace ringway::testing {

// Relacy replaces operator new while it runs, so its report must go to a buffer that never allocates.
class FixedBuffer : public std::streambuf {
 public:
  FixedBuffer() { setp(text_, text_ + sizeof text_ - 1); }
  void print() const { std::fwrite(text_, 1, std::size_t(pptr() - pbase()), stdout); }

 private:
  int overflow(int c) override { return c; }  // full: forget the rest
  char text_[1 << 16];
};

struct Search {
  rl::scheduler_type_e kind;
  unsigned bound;           // context switches, of a bounded search
  unsigned long schedules;  // of a random one
};

inline int& failures() {
  static int count = 0;
  return count;
}

template <class Suite>
void check(const char* name, const char* form, Search search) {
  static FixedBuffer buffer;
  std::ostream quiet(&buffer);
  rl::test_params params;
  params.search_type = search.kind;
  params.context_bound = search.bound;
  params.iteration_count = search.schedules;
  params.execution_depth_limit = 20000;
  params.output_stream = params.progress_stream = &quiet;
  const auto started = std::chrono::steady_clock::now();
  const bool held = rl::simulate<Suite>(params);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  std::printf("%-34s %-15s %-22s %9llu schedules %6.1f s  %s\n", name, form, rl::format(search.kind),
              static_cast<unsigned long long>(params.stop_iteration), taken.count(),
              held ? "held" : rl::test_result_str(params.test_result));
  if (!held && std::getenv("RINGWAY_TRACE")) buffer.print();
  std::fflush(stdout);
  failures() += !held;
}

}  // namespace ringway::testing
