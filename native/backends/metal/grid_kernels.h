// The dispatch kernels that this backend has, for the element types that Metal has.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "backends/metal/library.h"
#include "core/dispatch.h"

namespace ringway::metal {

// The pipelines of a kernel's passes, each of which begins when the one before has ended.
using Passes = std::vector<const Pipeline*>;

class GridKernels {
 public:
  explicit GridKernels(const Gpu& gpu) : gpu_(gpu) {}

  // Metal has no double.
  static bool offers(const DispatchKernel& kernel, DType element);
  // Compiled at the first call, and checked against the declaration. Throws kBackendUnavailable.
  const Passes& passes(const DispatchKernel& kernel, DType element);

 private:
  const Gpu& gpu_;
  std::mutex changing_;
  std::unique_ptr<Library> library_;
  std::map<std::pair<std::string, DType>, Passes> known_;
};

// What pipelines expect against what the declaration binds: parameters of another name, place or size, missing ones, and
// declared ones that no pass has. Throws kBackendUnavailable.
void check_bindings(const Passes& passes, const DispatchKernel& kernel, DType element);

}  // namespace ringway::metal
