#include "backends/metal/ring_bindings.h"

#include <algorithm>

#include "core/error.h"
#include "ringway/slice_layout.h"

namespace ringway::metal {
namespace {

constexpr u32 kIndex = sizeof(u32);  // a head or tail

[[noreturn]] void refuse(const Pipeline& pipeline, const std::string& what) {
  throw Error(ErrorKind::kBackendUnavailable,
              "backend 'metal': ring kernel '" + pipeline.kernel + "' and what is bound differ: " + what);
}

struct Bound {
  const char* name;
  u32 bytes;  // of one element
};

void check(const Pipeline& pipeline, const std::vector<Bound>& bound) {
  for (const Binding& binding : pipeline.bindings) {
    const std::string place = std::string("its ") +
                              (binding.threadgroup ? "threadgroup memory " : "buffer ") +
                              std::to_string(binding.index) + " is '" + binding.name + "'";
    if (binding.threadgroup || binding.index >= bound.size())
      refuse(pipeline, place + ", and nothing is bound");
    const Bound& here = bound[binding.index];
    if (binding.name != here.name) refuse(pipeline, place + ", bound is '" + here.name + "'");
    if (binding.bytes != here.bytes) {
      refuse(pipeline, place + " with elements of " + std::to_string(binding.bytes) + " bytes, bound are " +
                           std::to_string(here.bytes));
    }
  }
  for (u32 i = 0; i < bound.size(); ++i) {
    if (std::none_of(pipeline.bindings.begin(), pipeline.bindings.end(),
                     [i](const Binding& binding) { return binding.index == i; }))
      refuse(pipeline,
             "'" + std::string(bound[i].name) + "' is bound, and it has no buffer " + std::to_string(i));
  }
}

}  // namespace

void check_ring_kernel(const Pipeline& pipeline) {
  static const std::vector<Bound> bound = {{"in_slots", 1},
                                           {"in_head", kIndex},
                                           {"in_tail", kIndex},
                                           {"out_slots", 1},
                                           {"out_head", kIndex},
                                           {"out_tail", kIndex},
                                           {"control", sizeof(SliceControl)},
                                           {"capacity", sizeof(u32)}};
  check(pipeline, bound);
}

void check_ring_boundary(const Pipeline& pipeline) {
  static const std::vector<Bound> bound = {{"arena", 1}, {"plan", sizeof(SliceBoundary)}};
  check(pipeline, bound);
}

}  // namespace ringway::metal
