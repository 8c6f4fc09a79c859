#include "backends/metal/grid_kernels.h"

#include <algorithm>

#include "backends/metal/sources.h"
#include "core/error.h"

namespace ringway::metal {
namespace {

[[noreturn]] void refuse(const Pipeline& pipeline, const std::string& what) {
  throw Error(ErrorKind::kBackendUnavailable,
              "backend 'metal': kernel '" + pipeline.kernel + "' and its declaration differ: " + what);
}

void check_buffer(const Pipeline& pipeline, const Binding& binding, const DispatchKernel& kernel,
                  DType element) {
  const std::string place = "its buffer " + std::to_string(binding.index) + " is '" + binding.name + "'";
  if (binding.index >= kernel.arguments.size()) {
    refuse(pipeline, place + ", and only " + std::to_string(kernel.arguments.size()) + " are declared");
  }
  const DispatchArgument& argument = kernel.arguments[binding.index];
  if (binding.name != argument.name) refuse(pipeline, place + ", declared is '" + argument.name + "'");
  const u32 bytes = size_of(argument.dtype.value_or(element));
  if (binding.bytes != bytes) {
    refuse(pipeline, place + " with elements of " + std::to_string(binding.bytes) + " bytes, declared are " +
                         std::to_string(bytes));
  }
}

// Whether a pass has a parameter with that index.
bool bound(const Passes& passes, bool threadgroup, u32 index) {
  return std::any_of(passes.begin(), passes.end(), [&](const Pipeline* pass) {
    return std::any_of(pass->bindings.begin(), pass->bindings.end(), [&](const Binding& binding) {
      return binding.threadgroup == threadgroup && binding.index == index;
    });
  });
}

}  // namespace

bool GridKernels::offers(const DispatchKernel& kernel, DType element) {
  return element != DType::kF64 && kernel.has(element);
}

const Passes& GridKernels::passes(const DispatchKernel& kernel, DType element) {
  std::lock_guard lock(changing_);
  Passes& known = known_[{kernel.name, element}];
  if (!known.empty()) return known;
  // Version 3.0 on purpose: nothing is ordered between threadgroups here, and the `coherent` memory of 3.2 costs time.
  if (!library_) {
    library_ = std::make_unique<Library>(gpu_, "grid_kernels", source_of_grid_kernels, 300,
                                         compiled_grid_kernels(300));
  }
  Passes found;
  for (const std::string& name : kernel.entry_points(element)) found.push_back(&library_->pipeline(name));
  check_bindings(found, kernel, element);
  return known = std::move(found);
}

void check_bindings(const Passes& passes, const DispatchKernel& kernel, DType element) {
  for (const Pipeline* pass : passes) {
    for (const Binding& binding : pass->bindings) {
      if (!binding.threadgroup) {
        check_buffer(*pass, binding, kernel, element);
      } else if (!kernel.group_bytes || binding.index != 0) {
        refuse(*pass, "its threadgroup memory " + std::to_string(binding.index) + " is '" + binding.name +
                          "', and " + (kernel.group_bytes ? "only that of index 0" : "none") +
                          " is declared");
      }
    }
  }
  for (u32 i = 0; i < kernel.arguments.size(); ++i) {
    if (bound(passes, false, i)) continue;
    refuse(*passes[0], "argument '" + kernel.arguments[i].name + "' is declared, and it has no buffer " +
                           std::to_string(i));
  }
  if (kernel.group_bytes && !bound(passes, true, 0))
    refuse(*passes[0], "threadgroup memory is declared, and it has none");
}

}  // namespace ringway::metal
