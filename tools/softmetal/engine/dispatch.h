// A dispatch as the encoder hands it to the engine, all checked.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/abi.h"
#include "engine/failure.h"

namespace softmetal {

struct Extent {
  unsigned offset, size;
};

struct Kernel {
  std::string name;
  void (*entry)(sm_thread*) = nullptr;
  std::vector<sm_argument> arguments;
  std::vector<Extent> variables;  // of the threadgroup, with gaps between
  unsigned variable_bytes = 0;    // without the gaps
  unsigned max_threads = SM_GROUP_THREADS;
};

struct Bound {
  char* data = nullptr;
  size_t length = 0;
  std::string label;
};

struct Dispatch {
  const Kernel* kernel = nullptr;
  Bound buffers[SM_BUFFERS];
  unsigned group_bytes[SM_BUFFERS] = {};
  uint64_t grid[3], group[3], groups[3];
  uint64_t group_count() const { return groups[0] * groups[1] * groups[2]; }
};

class HostViews;

// Runs dispatches that nothing orders among each other; returns when all have ended. `views`: where the host's stores come
// late; null: nowhere.
void run(const std::vector<const Dispatch*>& dispatches, Failure& failure, HostViews* views);

double now();

}  // namespace softmetal
