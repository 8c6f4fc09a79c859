// Groups of kernels.
#include "core/kernel_group.h"

#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "bindings/waiting_call.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

using SharedGroup = std::shared_ptr<KernelGroup>;

SharedGroup make_group(Runtime& runtime, const std::string& name, u32 strategy, std::int64_t restarts,
                       double within, const std::vector<std::shared_ptr<Kernel>>& members) {
  const WaitingCall call(&runtime);
  return runtime.group({name, static_cast<Strategy>(strategy), restarts, within}, members);
}

std::vector<std::string> names_of(const KernelGroup& group) {
  std::vector<std::string> names;
  for (const auto& member : group.members()) names.push_back(member.name);
  return names;
}

}  // namespace

void init_kernel_group(py::module_& module) {
  using Unlocked = py::call_guard<py::gil_scoped_release>;
  py::class_<KernelGroup, SharedGroup>(module, "KernelGroup")
      .def_property_readonly("name", [](const KernelGroup& group) { return group.options().name; })
      .def_property_readonly("strategy",
                             [](const KernelGroup& group) { return u32(group.options().strategy); })
      .def_property_readonly("limit", [](const KernelGroup& group) { return group.options().restarts; })
      .def_property_readonly("within", [](const KernelGroup& group) { return group.options().within; })
      .def_property_readonly("members", &names_of)
      .def_property_readonly("restarts", [](const KernelGroup& group) { return group.facts().restarts; })
      .def_property_readonly("failure", [](const KernelGroup& group) { return group.facts().failure; })
      .def_property_readonly("dissolved", [](const KernelGroup& group) { return group.facts().dissolved; })
      .def("dissolve", &KernelGroup::dissolve, Unlocked());
  module.def("make_group", &make_group, py::arg("runtime"), py::arg("name"), py::arg("strategy"),
             py::arg("restarts"), py::arg("within"), py::arg("members"));
  module.def("groups", &Runtime::groups, py::arg("runtime"), Unlocked());
}

}  // namespace ringway::bindings
