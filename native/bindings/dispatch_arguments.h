// From Python's arguments of a dispatch to a request that the core has checked.
#pragma once
#include <vector>

#include "bindings/bindings.h"
#include "core/dispatch.h"

namespace ringway::bindings {

// What a caller passes besides the kernel's own arguments; None where it says nothing.
struct GridArguments {
  py::object threads, groups, group, threadgroup_memory;
};

struct ReadArguments {
  DispatchRequest request;
  std::vector<py::object> kept;  // what holds the buffers' memory
};

// Throws kDispatch and says which argument is wrong. Private buffers are those of `device`; `gpu`: CUDA's number of the one
// whose memory buffers may be, or below 0.
ReadArguments read_arguments(const void* device, const DispatchKernel& kernel, const py::tuple& positional,
                             const py::dict& named, const GridArguments& grid, i32 gpu);
// For people: "vector_scale(a: T[threads of the grid], ..., factor: T), T: float32, ...".
std::string signature(const DispatchKernel& kernel);

}  // namespace ringway::bindings
