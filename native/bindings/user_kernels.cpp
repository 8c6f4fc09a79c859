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

// Objects of the program, for whoever has no lock of the interpreter's.
std::shared_ptr<void> kept(const py::tuple& objects) {
  return {new py::tuple(objects),
          [](void* of) { with_interpreter([of] { delete static_cast<py::tuple*>(of); }); }};
}

// Of a compiled kernel: the class of its messages, and of its state.
const py::tuple& classes_of(const std::shared_ptr<void>& program) {
  return *static_cast<const py::tuple*>(program.get());
}

// `form`: the path of a shared object, or the text for a device.
template <class Form>
std::shared_ptr<Form> compiled(const std::string& form, const std::string& name, Names accepts,
                               u32 message_bytes, u32 state_bytes, const py::type& message_class,
                               const py::type& state_class, Names outputs, Names errors, Names counters,
                               Periods periods, const std::string& source, const std::string& program) {
  KernelType type{.name = name,
                  .accepts = std::move(accepts),
                  .emits = {},
                  .body_size = message_bytes,
                  .errors = std::move(errors),
                  .outputs = std::move(outputs),
                  .counters = std::move(counters),
                  .periods = std::move(periods),
                  .source = source,
                  .program = program};
  return std::make_shared<Form>(form, std::move(type), state_bytes,
                                kept(py::make_tuple(message_class, state_class)));
}

template <class Form>
void init_compiled(py::module_& module, const char* name, const char* form) {
  py::class_<Form, UserKernel, std::shared_ptr<Form>>(module, name)
      .def(py::init(&compiled<Form>), py::kw_only(), py::arg(form), py::arg("name"), py::arg("accepts"),
           py::arg("message_bytes"), py::arg("state_bytes"), py::arg("message_class"), py::arg("state_class"),
           py::arg("outputs"), py::arg("errors"), py::arg("counters"), py::arg("periods"), py::arg("source"),
           py::arg("program"));
}

std::shared_ptr<PythonKernel> in_python(const py::object& handler, const std::string& name, Names accepts,
                                        u32 message_bytes, Names outputs, Names counters, Periods periods,
                                        const std::vector<py::object>& states, bool any_thread,
                                        const std::string& source, const std::string& program,
                                        bool opaque_state) {
  KernelType type{.name = name,
                  .accepts = std::move(accepts),
                  .emits = {},
                  .body_size = message_bytes,
                  .errors = {},
                  .outputs = std::move(outputs),
                  .counters = std::move(counters),
                  .periods = std::move(periods),
                  .source = source,
                  .program = program,
                  .opaque_state = opaque_state};
  return std::make_shared<PythonKernel>(std::move(type), handler, states, any_thread);
}

// Of the class that the kernel was made with, also where another has taken that one's name since.
py::object decoded(const std::shared_ptr<void>& program, const std::vector<u8>& state) {
  return decode(message_type(classes_of(program)[1]), reinterpret_cast<const std::byte*>(state.data()),
                state.size());
}

py::object read_state(Kernel& kernel, long long replica, const py::object& timeout) {
  const Check check = signal_check();
  const double seconds = seconds_or_forever(timeout);
  py::object snapshot;
  std::vector<u8> bytes;
  std::shared_ptr<void> program;
  {
    const WaitingCall call(&kernel.runtime());
    const auto look = [&](Resident& resident) {
      if (const auto* const compiled = dynamic_cast<CompiledResident*>(&resident)) {
        bytes = compiled->state();
        program = compiled->kernel().program();
        return;
      }
      const py::gil_scoped_acquire locked;
      snapshot = static_cast<PythonResident&>(resident).snapshot();
    };
    kernel.look_at_resident(replica, look, Wait::seconds(seconds, check));
  }
  return snapshot ? snapshot : decoded(program, bytes);
}

std::vector<u8> bytes_of(const py::handle& bytes) {
  const auto text = bytes.cast<std::string>();
  return {text.begin(), text.end()};
}

// What `make` makes of the replicas' states, of what makes one for a restart, and of the classes of their messages: a
// kernel, and the bytes of a state for a restart and of each replica's where it is compiled.
Replacement made_of(const py::function& make, const std::vector<Resident*>& residents) {
  const py::gil_scoped_acquire locked;
  py::list states;
  py::object first;
  py::object messages;
  for (Resident* const resident : residents) {
    if (const auto* const compiled = dynamic_cast<CompiledResident*>(resident)) {
      const std::shared_ptr<void>& program = compiled->kernel().program();
      messages = py::make_tuple(classes_of(program)[0]);
      states.append(decoded(program, compiled->state()));
      const py::object made = decoded(program, compiled->first_state());
      first = py::cpp_function([made] { return made; });
    } else {
      const auto& python = static_cast<PythonResident&>(*resident);
      messages = python.messages();
      states.append(python.state());
      first = python.new_state();
    }
  }
  const py::tuple made = make(states, first, messages);
  Replacement with{made[0].cast<std::shared_ptr<UserKernel>>(), {}};
  if (const auto* const python = dynamic_cast<const PythonKernel*>(with.kernel.get())) {
    with.residents = python->resume();
    return with;
  }
  const auto& compiled = dynamic_cast<const CompiledKernel&>(*with.kernel);
  const std::vector<u8> first_state = bytes_of(made[1]);
  for (const py::handle state : made[2]) {
    with.residents.push_back(compiled.resume(first_state, bytes_of(state)));
  }
  return with;
}

void replace(Kernel& kernel, const std::string& name, Names accepts, Names outputs, Names counters,
             Periods periods, const py::function& make) {
  const Check check = signal_check();
  const KernelType with{.name = name,
                        .accepts = std::move(accepts),
                        .emits = {},
                        .errors = {},
                        .outputs = std::move(outputs),
                        .counters = std::move(counters),
                        .periods = std::move(periods)};
  const WaitingCall call(&kernel.runtime());
  kernel.replace(
      with, [&](const std::vector<Resident*>& residents) { return made_of(make, residents); }, check);
}

}  // namespace

void init_user_kernels(py::module_& module) {
  py::class_<UserKernel, std::shared_ptr<UserKernel>>(module, "UserKernel");
  init_compiled<CompiledKernel>(module, "CompiledKernel", "path");
  init_compiled<PortableKernel>(module, "PortableKernel", "text");
  py::class_<PythonKernel, UserKernel, std::shared_ptr<PythonKernel>>(module, "PythonKernel")
      .def(py::init(&in_python), py::kw_only(), py::arg("handler"), py::arg("name"), py::arg("accepts"),
           py::arg("message_bytes"), py::arg("outputs"), py::arg("counters"), py::arg("periods"),
           py::arg("states"), py::arg("any_thread"), py::arg("source"), py::arg("program"),
           py::arg("opaque_state"));
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
  module.def("replace_kernel", &replace, py::arg("kernel"), py::arg("name"), py::arg("accepts"),
             py::arg("outputs"), py::arg("counters"), py::arg("periods"), py::arg("make"));
  module.def("read_state", &read_state, py::arg("kernel"), py::arg("replica"), py::arg("timeout"));
}

}  // namespace ringway::bindings
