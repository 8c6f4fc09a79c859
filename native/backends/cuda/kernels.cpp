#include "backends/cuda/kernels.h"

#include <type_traits>
#include <utility>

#include "backends/cuda/ring_handlers.h"
#include "core/builtin_kernels.h"

namespace ringway::cuda {
namespace {

const std::vector<CudaRingEntry>& table() {
  static const auto* const all = [] {
    auto* const made = new std::vector<CudaRingEntry>;
    for_each_builtin_kernel<double>([made]<class Handler>(KernelType type) {
      static_assert(std::is_trivially_copyable_v<typename Handler::State>, "state is zero-filled memory");
      made->push_back({std::move(type), RingHandler<Handler>::kNumber, u32(sizeof(typename Handler::State))});
    });
    return made;
  }();
  return *all;
}

}  // namespace

const CudaRingEntry* find_entry(const std::string& name) {
  return find_kernel(table(), name);
}

std::vector<const KernelType*> entries() {
  return types_of(table());
}

}  // namespace ringway::cuda
