// Runtimes, kernels and launch options. Every wait runs without the GIL.
#include "core/runtime.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <variant>

#include "backends/all.h"
#include "bindings/bindings.h"
#include "bindings/held_cell.h"
#include "bindings/message.h"
#include "bindings/message_io.h"
#include "bindings/python_thread.h"
#include "bindings/reports.h"
#include "bindings/seconds.h"
#include "bindings/waiting_call.h"
#include "core/error.h"
#include "core/user_kernel.h"

namespace ringway::bindings {
namespace {

using SharedKernel = std::shared_ptr<Kernel>;
using SharedRuntime = std::shared_ptr<Runtime>;

using Size = long long;
LaunchOptions options_from(Size capacity, const std::variant<Size, std::string>& slot_size,
                           const std::string& policy, double block_timeout, double message_timeout,
                           const std::string& idle, double poll_interval, Size batch,
                           std::optional<Size> worker, const std::string& bridge, Size staging_capacity,
                           const std::string& on_error, Size restart_limit, double restart_backoff,
                           bool telemetry, Size latency_sample, bool prefault, bool lanes, Size dedup,
                           std::optional<double> ttl, Size dead_letters, Size device_polls) {
  LaunchOptions options;
  options.capacity = capacity;
  options.slot_size =
      slot_size.index() == 0 ? std::get<Size>(slot_size) : slot_size_named(std::get<std::string>(slot_size));
  options.policy = policy_named(policy);
  options.block_timeout = block_timeout;
  options.message_timeout = message_timeout;
  options.idle = idle_named(idle);
  options.poll_interval = poll_interval;
  options.batch = batch;
  if (worker) options.worker = *worker;
  options.bridge = bridge_named(bridge);
  options.staging_capacity = staging_capacity;
  options.on_error = on_error_named(on_error);
  options.restart_limit = restart_limit;
  options.restart_backoff = restart_backoff;
  options.telemetry = telemetry;
  options.latency_sample = latency_sample;
  options.prefault = prefault;
  options.lanes = lanes;
  options.dedup = dedup;
  options.ttl = ttl;
  options.dead_letters = dead_letters;
  options.device_polls = device_polls;
  check(options, 0);
  return options;
}

bool send(Kernel& kernel, const py::object& message, py::handle priority, py::handle ttl,
          py::handle message_id, const py::object& timeout) {
  Outgoing out;
  encode(message, {priority, ttl, message_id}, &out);
  const Patience patience = kernel.patience(seconds_of(timeout), signal_check());
  const WaitingCall call(&kernel.runtime());
  return kernel.send(out.envelope, out.body, *out.type_name, patience);
}

py::object request(Kernel& kernel, const py::object& message, const py::object& timeout, py::handle priority,
                   py::handle ttl, py::handle message_id) {
  Outgoing out;
  encode(message, {priority, ttl, message_id}, &out);
  const Check check = signal_check();
  const std::optional<double> given = seconds_of(timeout);
  const double seconds = kernel.answer_time(given);
  std::optional<Held> held;
  Reply reply{};
  {
    const WaitingCall call(&kernel.runtime());
    const Wait until = Wait::seconds(seconds, check);
    held.emplace(
        kernel, kernel.ask(out.envelope, out.body, *out.type_name, kernel.patience_of_request(given, check)));
    reply = kernel.wait(held->cell, until, seconds);
    PythonThread::Visit::let_end();
  }
  return decode(*reply.envelope, reply.body);
}

// The id that a message brings along, as uuid.UUID.bytes_le has it; None when sending it makes one.
py::object id_of(const py::object& message) {
  EnvelopeFields fields;
  if (PyObject_CheckBuffer(message.ptr())) return py::none();
  message_type(message);
  if (!envelope_fields(message, &fields) || !fields.has_id) return py::none();
  return py::bytes(reinterpret_cast<const char*>(fields.id), sizeof(fields.id));
}

py::object receive(Kernel& kernel, const py::object& timeout) {
  Message message;
  const Check check = signal_check();
  const double seconds = seconds_or_forever(timeout);
  bool received = false;
  {
    const WaitingCall call(&kernel.runtime());
    received = kernel.receive(&message, Wait::seconds(seconds, check));
  }
  if (!received) {
    throw Error(ErrorKind::kTimeout, "kernel '" + kernel.name() + "' (" + name_of(kernel.state()) +
                                         ") sent nothing to the host within " + text_of(seconds) + " s");
  }
  return decode(message.envelope, message.body);
}

std::optional<bool> try_send(Kernel& kernel, const py::object& message, py::handle priority, py::handle ttl,
                             py::handle message_id) {
  Outgoing out;
  encode(message, {priority, ttl, message_id}, &out);
  return kernel.try_send(out.envelope, out.body, *out.type_name);
}

[[noreturn]] void refuse(Kernel& kernel, const py::object& message, py::handle priority,
                         const Patience& patience) {
  Outgoing out;
  encode(message, {priority, {}, {}}, &out);
  kernel.refuse(out.envelope, patience);
}

py::object try_receive(Kernel& kernel) {
  Message message;
  if (!kernel.receive(&message, Wait{0})) return py::none();
  return decode(message.envelope, message.body);
}

u64 depth(const Kernel& kernel, bool outbox) {
  return (outbox ? kernel.port().outbox.counts() : kernel.port().mailbox.counts()).depth;
}

void activate(Kernel& kernel) {
  const Check check = signal_check();
  const WaitingCall call(&kernel.runtime());
  kernel.activate(check);
}

void deactivate(Kernel& kernel) {
  const Check check = signal_check();
  const WaitingCall call(&kernel.runtime());
  kernel.deactivate(check);
}

void link(Runtime& runtime, Kernel& source, Kernel& target, std::int64_t capacity, std::int64_t slot_size) {
  const Check check = signal_check();
  const WaitingCall call(&runtime);
  runtime.link(source, target, capacity, slot_size, check);
}

py::tuple terminate(Kernel& kernel, bool drain, const py::object& timeout) {
  TerminateReport report{};
  const Check check = signal_check();
  const double seconds = seconds_or_forever(timeout);
  {
    const WaitingCall call(&kernel.runtime());
    report = kernel.terminate(drain, Wait::seconds(seconds, check));
  }
  return tuple_of(report);
}

// 0 = every core.
u32 workers_of(const std::optional<std::int64_t>& workers) {
  if (!workers) return 0;
  if (*workers >= 1) return u32(std::min<std::int64_t>(*workers, ~0U));
  throw Error(ErrorKind::kInvalidOption,
              "workers is " + std::to_string(*workers) + "; it must be 1 or more, or None for every core");
}

SharedRuntime start(const std::string& backend, std::optional<std::int64_t> workers, bool assist,
                    double watchdog, const std::string& name) {
  py::gil_scoped_release unlocked;
  return Runtime::start({backend, workers_of(workers), assist, watchdog, name});
}

py::dict close(Runtime& runtime, bool drain, const py::object& timeout) {
  const Check check = signal_check();
  const Wait until = Wait::seconds(seconds_or_forever(timeout), check);
  const auto queues = runtime.queues();
  Runtime::CloseReport report;
  {
    py::gil_scoped_release unlocked;
    report = runtime.close(drain, until);
  }
  WaitingCall::let_return(&runtime);
  for (const auto& queue : queues) WaitingCall::let_return(queue.get());
  return dict_of(report);
}

// Memory that messages name by handle: a Python object's, kept alive, or the table's own.
class Buffer {
 public:
  Buffer(SharedRuntime runtime, const py::buffer& object)
      : runtime_(std::move(runtime)), view_(object.request(true)) {
    if (!PyBuffer_IsContiguous(view_.view(), 'C')) {
      throw Error(ErrorKind::kInvalidOption,
                  "the memory is not C-contiguous, so that a handle cannot name "
                  "it; copy it by "
                  "numpy.ascontiguousarray first");
    }
    handle_ = runtime_->add_buffer(static_cast<u8*>(view_.ptr), bytes());
  }
  ~Buffer() {
    if (!handle_) return;
    try {
      const py::gil_scoped_release unlocked;
      runtime_->release_buffer(handle_);
    } catch (const Error&) {  // a handler that does not return may use the memory: it stays
      new py::buffer_info(std::move(view_));
    }
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  u64 handle() const { return handle_; }
  u64 bytes() const { return static_cast<u64>(view_.size * view_.itemsize); }
  void release() {
    if (!handle_) return;
    const Check check = signal_check();
    {
      const WaitingCall call(runtime_.get());
      runtime_->release_buffer(handle_, check);
    }
    handle_ = 0;
  }

 private:
  SharedRuntime runtime_;
  py::buffer_info view_;
  u64 handle_ = 0;
};

SharedKernel launch_user(Runtime& runtime, const std::shared_ptr<const UserKernel>& kernel,
                         const std::string& state, const std::string& name, const LaunchOptions& options,
                         Size grid, Size block) {
  const py::gil_scoped_release unlocked;
  return runtime.launch(kernel, {state.begin(), state.end()}, name, options, grid, block);
}

}  // namespace

void init_runtime(py::module_& module) {
  register_backends();
  py::class_<BackendEntry>(module, "BackendEntry")
      .def_readonly("name", &BackendEntry::name)
      .def_readonly("absent", &BackendEntry::absent)
      .def_property_readonly("ring_kernels", [](const BackendEntry& entry) { return bool(entry.make); })
      .def_property_readonly("dispatches",
                             [](const BackendEntry& entry) { return bool(entry.open_dispatcher); })
      .def_readonly("float64", &BackendEntry::float64)
      .def_readonly("fast_threads", &BackendEntry::fast_threads)
      .def_readonly("parallel", &BackendEntry::parallel)
      .def_readonly("most_elements", &BackendEntry::most_elements)
      .def_readonly("locked_memory", &BackendEntry::locked_memory);
  module.def("backends", &backends);
  module.def("message_id", &id_of, py::arg("message"));
  module.def(
      "choose_backend",
      [](const std::string& name) { return choose_backend(name, BackendLevel::kRingKernels); },
      py::arg("name"));

  using Unlocked = py::call_guard<py::gil_scoped_release>;
  py::class_<LaunchOptions>(module, "Options")
      .def(py::init(&options_from), py::kw_only(), py::arg("capacity"), py::arg("slot_size"),
           py::arg("policy"), py::arg("block_timeout"), py::arg("message_timeout"), py::arg("idle"),
           py::arg("poll_interval"), py::arg("batch"), py::arg("worker"), py::arg("bridge"),
           py::arg("staging_capacity"), py::arg("on_error"), py::arg("restart_limit"),
           py::arg("restart_backoff"), py::arg("telemetry"), py::arg("latency_sample"), py::arg("prefault"),
           py::arg("lanes"), py::arg("dedup"), py::arg("ttl"), py::arg("dead_letters"),
           py::arg("device_polls"));

  py::class_<Patience>(module, "Patience").def_readonly("seconds", &Patience::seconds);

  py::class_<Kernel, SharedKernel>(module, "Kernel")
      .def_property_readonly("name", &Kernel::name)
      .def_property_readonly("kind", [](const Kernel& kernel) { return kernel.type()->name; })
      .def_property_readonly("worker",
                             [](const Kernel& kernel) { return atomic::load_relaxed(&kernel.port().worker); })
      .def_property_readonly("grid", &Kernel::grid)
      .def_property_readonly("bridge",
                             [](const Kernel& kernel) { return kernel.port().bridge ? "pumped" : "direct"; })
      .def_property_readonly("state", [](Kernel& kernel) { return name_of(kernel.state()); })
      .def_property_readonly("failure", &Kernel::failure)
      .def_property_readonly("stuck", &Kernel::stuck)
      .def_property_readonly("backend", [](const Kernel& kernel) { return kernel.runtime().backend_name(); })
      .def_property_readonly(
          "replacements",
          [](const Kernel& kernel) { return atomic::load_relaxed(&kernel.port().replacements); })
      .def("activate", &activate)
      .def("deactivate", &deactivate)
      .def("terminate", &terminate, py::arg("drain"), py::arg("timeout"))
      .def("send", &send, py::arg("message"), py::arg("priority") = py::none(), py::arg("ttl") = py::none(),
           py::arg("message_id") = py::none(), py::arg("timeout") = py::none())
      .def("request", &request, py::arg("message"), py::arg("timeout"), py::arg("priority") = py::none(),
           py::arg("ttl") = py::none(), py::arg("message_id") = py::none())
      .def("receive", &receive, py::arg("timeout"))
      .def("try_send", &try_send, py::arg("message"), py::arg("priority") = py::none(),
           py::arg("ttl") = py::none(), py::arg("message_id") = py::none())
      .def("refuse", &refuse, py::arg("message"), py::arg("priority"), py::arg("patience"))
      .def(
          "patience",
          [](const Kernel& kernel, const py::object& timeout) {
            return kernel.patience(seconds_of(timeout), nullptr);
          },
          py::arg("timeout"))
      .def(
          "patience_of_request",
          [](const Kernel& kernel, const py::object& timeout) {
            return kernel.patience_of_request(seconds_of(timeout), nullptr);
          },
          py::arg("timeout"))
      .def(
          "answer_time",
          [](const Kernel& kernel, const py::object& timeout) {
            return kernel.answer_time(seconds_of(timeout));
          },
          py::arg("timeout"))
      .def("try_receive", &try_receive)
      .def_property_readonly(
          "blocks", [](const Kernel& kernel) { return kernel.options().policy == Backpressure::kBlock; })
      .def_property_readonly("accepts", [](const Kernel& kernel) { return kernel.type()->accepts; })
      .def_property_readonly("outputs", [](const Kernel& kernel) { return kernel.type()->outputs; })
      .def_property_readonly("capacity", [](const Kernel& kernel) { return kernel.options().capacity; })
      .def("depth", &depth, py::arg("outbox"))
      .def("telemetry", &Kernel::telemetry)
      .def("reset_telemetry", &Kernel::reset_telemetry)
      .def_property("telemetry_enabled", &Kernel::telemetry_enabled, &Kernel::enable_telemetry);

  py::class_<Runtime, SharedRuntime>(module, "Runtime")
      .def(py::init(&start), py::arg("backend"), py::arg("workers"), py::arg("assist"), py::arg("watchdog"),
           py::arg("name") = "")
      .def_property_readonly("name", &Runtime::name)
      .def_property_readonly("backend", &Runtime::backend_name)
      .def_property_readonly("workers", [](Runtime& runtime) { return runtime.backend().workers(); })
      .def_property_readonly("device", [](Runtime& runtime) { return runtime.backend().device(); })
      .def_property_readonly("closed", &Runtime::closed)
      .def("launch",
           py::overload_cast<const std::string&, const std::string&, const LaunchOptions&, std::int64_t,
                             std::int64_t>(&Runtime::launch),
           py::arg("kernel"), py::arg("name"), py::arg("options"), py::arg("grid"), py::arg("block"),
           Unlocked())
      .def("launch_user", &launch_user, py::arg("kernel"), py::arg("state"), py::arg("name"),
           py::arg("options"), py::arg("grid"), py::arg("block"))
      .def("kernel", &Runtime::find, py::arg("name"))
      .def("kernels", &Runtime::kernels)
      .def("link", &link, py::arg("source"), py::arg("target"), py::arg("capacity"), py::arg("slot_size"))
      .def("queue", &Runtime::find_queue, py::arg("name"))
      .def("queues", &Runtime::queues)
      .def("feeds", &Runtime::feeds)
      .def("topics", &Runtime::topics)
      .def("link_telemetry", &Runtime::link_telemetry)
      .def("reset_telemetry", &Runtime::reset_telemetry)
      .def("close", &close, py::arg("drain") = false, py::arg("timeout") = py::none());

  py::class_<Buffer>(module, "HandleBuffer")
      .def(py::init<SharedRuntime, const py::buffer&>(), py::arg("runtime"), py::arg("memory"))
      .def_property_readonly("handle", &Buffer::handle)
      .def_property_readonly("nbytes", &Buffer::bytes)
      .def("release", &Buffer::release);
}

}  // namespace ringway::bindings
