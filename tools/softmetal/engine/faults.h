#pragma once

namespace softmetal {

// Kernels that touch memory which is not theirs, or loop without end, end with an error of their command buffer. Installs
// the handlers of the signals once; other faults go to the handlers that were there before.
void catch_faults();

// While it lives, kernels run on this thread of the system, which needs a stack for signals and is watched.
class Watched {
 public:
  Watched();
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

}  // namespace softmetal
