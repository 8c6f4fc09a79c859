#include "backends/cpu/kernels.h"

#include <deque>
#include <utility>

#include "backends/cpu/entry.h"
#include "core/builtin_kernels.h"

namespace ringway::cpu {
namespace {

std::deque<Entry>& table() {
  static auto* const all = [] {
    auto* const made = new std::deque<Entry>;
    for_each_builtin_kernel<double>(
        [made]<class Handler>(KernelType type) { made->push_back(kernel_of<Handler>(std::move(type))); });
    return made;
  }();
  return *all;
}

}  // namespace

const Entry* find_entry(const std::string& name) {
  return find_kernel(table(), name);
}

std::vector<const KernelType*> entries() {
  return types_of(table());
}

void add_entry(Entry entry) {
  if (Entry* const other = find_kernel(table(), entry.type.name)) {
    *other = std::move(entry);
  } else {
    table().push_back(std::move(entry));
  }
}

}  // namespace ringway::cpu
