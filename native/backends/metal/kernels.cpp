#include "backends/metal/kernels.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "core/builtin_kernels.h"

namespace ringway::metal {
namespace {

template <class Handler>
RingEntry kernel_of(KernelType type) {
  static_assert(std::is_trivially_copyable_v<typename Handler::State>, "state is zero-filled memory");
  std::string function = "ring_" + type.name;
  std::replace(function.begin(), function.end(), '.', '_');
  return {std::move(type), std::move(function), u32(sizeof(typename Handler::State))};
}

const std::vector<RingEntry>& table() {
  static const auto* const all = [] {
    auto* const made = new std::vector<RingEntry>;
    // Metal has no double.
    for_each_builtin_kernel<float>(
        [made]<class Handler>(KernelType type) { made->push_back(kernel_of<Handler>(std::move(type))); });
    return made;
  }();
  return *all;
}

}  // namespace

const RingEntry* find_entry(const std::string& name) {
  return find_kernel(table(), name);
}

std::vector<const KernelType*> entries() {
  return types_of(table());
}

}  // namespace ringway::metal
