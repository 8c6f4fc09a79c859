// Kernels that a program brings, of both kinds, and their states.
#include <pybind11/stl.h>

#include <optional>

#include "bindings/bindings.h"
#include "bindings/message.h"
#include "bindings/message_io.h"
#include "bindings/python_kernel.h"
#include "bindings/seconds.h"
#include "bindings/waiting_call.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

using Names = std::vector<std::string>;
using Periods = std::vector<std::int64_t>;  // ns

// `form`: the path of a shared object, or the text for a device.
template <class Form>
std::shared_ptr<Form> compiled(const std::string& form, const std::string& name, Names accepts,
                               u32 message_bytes, u32 state_bytes, u32 state_type_id, Names outputs,
                               Names errors, Names counters, Periods periods) {
  KernelType type{.name = name,
                  .accepts = std::move(accepts),
                  .emits = {},
                  .body_size = message_bytes,
                  .errors = std::move(errors),
                  .outputs = std::move(outputs),
                  .state_type_id = state_type_id,
                  .counters = std::move(counters),
                  .periods = std::move(periods)};
  return std::make_shared<Form>(form, std::move(type), state_bytes);
}

template <class Form>
void init_compiled(py::module_& module, const char* name, const char* form) {
  py::class_<Form, UserKernel, std::shared_ptr<Form>>(module, name)
      .def(py::init(&compiled<Form>), py::kw_only(), py::arg(form), py::arg("name"), py::arg("accepts"),
           py::arg("message_bytes"), py::arg("state_bytes"), py::arg("state_type_id"), py::arg("outputs"),
           py::arg("errors"), py::arg("counters"), py::arg("periods"));
}

std::shared_ptr<PythonKernel> in_python(const py::object& handler, const std::string& name, Names accepts,
                                        u32 message_bytes, Names outputs, Names counters, Periods periods,
                                        const std::vector<py::object>& states, bool any_thread) {
  KernelType type{.name = name,
                  .accepts = std::move(accepts),
                  .emits = {},
                  .body_size = message_bytes,
                  .errors = {},
                  .outputs = std::move(outputs),
                  .counters = std::move(counters),
                  .periods = std::move(periods)};
  return std::make_shared<PythonKernel>(std::move(type), handler, states, any_thread);
}

py::object read_state(Kernel& kernel, long long replica, const py::object& timeout) {
  const Check check = signal_check();
  const double seconds = seconds_or_forever(timeout);
  py::object snapshot;
  std::vector<u8> bytes;
  {
    const WaitingCall call(&kernel.runtime());
    const auto look = [&](Resident& resident) {
      if (const auto* const compiled = dynamic_cast<CompiledResident*>(&resident)) {
        bytes = compiled->state();
        return;
      }
      const py::gil_scoped_acquire locked;
      snapshot = static_cast<PythonResident&>(resident).snapshot();
    };
    kernel.look_at_resident(replica, look, Wait::seconds(seconds, check));
  }
  if (snapshot) return snapshot;
  const py::object type = message_class_of(kernel.type().state_type_id);
  return decode(message_type(type), reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
}

}  // namespace

void init_user_kernels(py::module_& module) {
  py::class_<UserKernel, std::shared_ptr<UserKernel>>(module, "UserKernel");
  init_compiled<CompiledKernel>(module, "CompiledKernel", "path");
  init_compiled<PortableKernel>(module, "PortableKernel", "text");
  py::class_<PythonKernel, UserKernel, std::shared_ptr<PythonKernel>>(module, "PythonKernel")
      .def(py::init(&in_python), py::kw_only(), py::arg("handler"), py::arg("name"), py::arg("accepts"),
           py::arg("message_bytes"), py::arg("outputs"), py::arg("counters"), py::arg("periods"),
           py::arg("states"), py::arg("any_thread"));
  py::class_<HandlerContext>(module, "HandlerContext")
      .def("send", &HandlerContext::send, py::arg("link"), py::arg("message"))
      .def("reply", &HandlerContext::reply, py::arg("message"))
      .def("emit", &HandlerContext::emit, py::arg("message"))
      .def("now_us", &HandlerContext::now_us)
      .def("count", &HandlerContext::count, py::arg("name"), py::arg("n") = 1)
      .def("deactivate", &HandlerContext::deactivate)
      .def_property_readonly("self_id", &HandlerContext::self_id)
      .def_property_readonly("replica", &HandlerContext::replica)
      .def_property_readonly("missed", &HandlerContext::missed);
  module.def("read_state", &read_state, py::arg("kernel"), py::arg("replica"), py::arg("timeout"));
}

}  // namespace ringway::bindings
