#include "bindings/python_kernel.h"

#include <cstdio>
#include <utility>

#include "bindings/message.h"
#include "bindings/message_io.h"
#include "codec/error.h"
#include "core/error.h"
#include "core/wait.h"

namespace ringway::bindings {
namespace {

// A run ends after so many ns, so that who waits for the handler, or for the GIL, waits for one message rather than for
// a batch.
constexpr std::int64_t kLongestRun = 2'000'000;

py::object steal(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

py::dict numbered(const std::vector<std::string>& names) {
  py::dict numbers;
  for (const std::string& name : names) numbers[name.c_str()] = numbers.size() + 1;
  return numbers;
}

u32 number_of(const py::str& name, const py::object& numbers, const std::vector<std::string>& names,
              const std::string& what, const char* option) {
  if (PyObject* const number = PyDict_GetItemWithError(numbers.ptr(), name.ptr())) {
    return u32(PyLong_AsLong(number));
  }
  if (PyErr_Occurred()) throw py::error_already_set();
  std::string known;
  for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
  throw Error(ErrorKind::kInvalidOption, "no " + what + " is named " + py::repr(name).cast<std::string>() +
                                             "; " +
                                             (known.empty() ? "the kernel has none" : what + "s: " + known) +
                                             "; name all by @ringway.kernel(" + option + "=(...))");
}

}  // namespace

KernelContext& HandlerContext::running(const char* call) const {
  if (resident_ && resident_->run_.context) return *resident_->run_.context;
  throw Error(ErrorKind::kInvalidState,
              std::string("ctx.") + call +
                  "() is for a handler while it handles a message, and that one has "
                  "returned; keep what it is to send in the state");
}

void HandlerContext::send(const py::str& link, const py::object& message) {
  running("send");
  const KernelType& type = resident_->type_;
  resident_->send(number_of(link, resident_->parts_->outputs, type.outputs, "link", "outputs"), message,
                  false);
}

void HandlerContext::emit(const py::object& message) {
  running("emit");
  resident_->send(0, message, true);
}

void HandlerContext::reply(const py::object& message) {
  if (!running("reply").request) {
    const bool ticks = resident_->ticks_;
    throw Error(ErrorKind::kInvalidState, std::string(ticks ? "a tick" : "a message that came by a link") +
                                              " has no sender to reply to");
  }
  resident_->send(~0U, message, true);
}

u64 HandlerContext::now_us() {
  const KernelContext& context = running("now_us");
  return context.calls->now_us(context.self);
}

u32 HandlerContext::self_id() {
  return running("self_id").kernel;
}

u32 HandlerContext::replica() {
  return running("replica").number;
}

u64 HandlerContext::missed() {
  return running("missed").left_out;
}

void HandlerContext::count(const py::str& name, const py::object& n) {
  KernelContext& context = running("count");
  const KernelType& type = resident_->type_;
  const u32 counter = number_of(name, resident_->parts_->counters, type.counters, "counter", "counters");
  const py::object whole = steal(PyNumber_Index(n.ptr()));
  const int negative = PyObject_RichCompareBool(whole.ptr(), py::int_(0).ptr(), Py_LT);
  if (negative < 0) throw py::error_already_set();
  if (negative) throw py::value_error("a counter counts up: n is below 0");
  const u64 more = PyLong_AsUnsignedLongLongMask(whole.ptr());
  context.count(counter, more);
}

void HandlerContext::deactivate() {
  running("deactivate").deactivate();
}

PythonResident::PythonResident(const KernelType& type, const py::object& handler, py::object state,
                               bool any_thread)
    : type_(type), parts_(std::make_unique<Parts>()) {
  Parts& parts = *parts_;
  parts.handler = handler;
  parts.function = handler.attr("function");
  parts.prepare = handler.attr("prepare");
  parts.snapshot = handler.attr("snapshot");
  parts.driver = handler.attr("driver")();
  for (const py::handle cls : handler.attr("messages")) classes_.push_back(&message_type(cls));
  parts.state = std::move(state);
  if (any_thread) parts.variables = steal(PyContext_New());
  renew_context();
  parts.waits = handler.attr("waits");
  parts.outputs = numbered(type.outputs);
  parts.counters = numbered(type.counters);
}

// What a handler has kept is of that message, and must not answer another.
void PythonResident::renew_context() {
  py::object& context = parts_->context;
  if (context && Py_REFCNT(context.ptr()) == 1) return;
  if (context) context.cast<HandlerContext&>().resident_ = nullptr;
  context = py::cast(std::make_unique<HandlerContext>(this));
}

PythonResident::~PythonResident() {
  Parts* const parts = parts_.release();
  with_interpreter([parts] {
    parts->context.cast<HandlerContext&>().resident_ = nullptr;
    delete parts;
  });
}

py::object PythonResident::message_of(u8* slot) {
  const u32 bytes = payload_bytes(slot);
  if (run_.context->input == 0) {
    const Envelope& request = *envelope(slot);
    run_.context->request = &request;
    // A class of the kernel's own is not the latest of its name, perhaps.
    for (const MessageType* type : classes_) {
      if (type->type_id != request.type_id) continue;
      return decode(*type, reinterpret_cast<const std::byte*>(body(slot)), bytes - sizeof(Envelope));
    }
    return decode(request, {body(slot), bytes - sizeof(Envelope)});
  }
  run_.context->request = nullptr;
  const auto* const first = reinterpret_cast<const char*>(payload(slot));
  if (classes_.size() != 1) return py::bytes(first, bytes);
  return decode(*classes_[0], reinterpret_cast<const std::byte*>(first), bytes);
}

py::object PythonResident::next() {
  Run& run = run_;
  if (!run.context) return py::none();
  if (std::exchange(run.begun, false)) {
    if (run.context->unsent) {
      run.status->code = kAgain;
      run.n = run.done;
      return py::none();
    }
    ++run.done;
    if (run.context->leaves) return py::none();
  }
  if (run.done == run.n) return py::none();
  const bool goes_on = run.context->calls->goes_on(run.context->self) && now_ns() < run.until;
  if (run.done && !goes_on) return py::none();
  py::object message;
  try {
    message = message_of(run.first + u64(run.stride) * run.done);
  } catch (const codec::DecodeError& error) {
    failed(error.what(), kFailed);
  } catch (const Error& error) {
    failed(error.what(), kFailed);
  }
  if (!message) {
    run.n = run.done;
    return py::none();
  }
  run.begun = true;
  renew_context();
  auto* const type = reinterpret_cast<PyObject*>(Py_TYPE(message.ptr()));
  if (PyObject* const prepare = PyDict_GetItemWithError(parts_->prepare.ptr(), type)) {
    PyObject* const given = message.ptr();
    steal(call_python(prepare, &given, 1));
  } else if (PyErr_Occurred()) {
    throw py::error_already_set();
  }
  return message;
}

void PythonResident::handle(const py::object& message) {
  PyObject* const given[] = {parts_->context.ptr(), message.ptr(), parts_->state.ptr()};
  const py::object result = steal(call_python(parts_->function.ptr(), given, 3));
  if (!result.is_none()) {
    PyObject* const returned = result.ptr();
    const py::object refuse = parts_->handler.attr("refuse_result");
    steal(call_python(refuse.ptr(), &returned, 1));
  }
}

void PythonResident::run() {
  if (!parts_->waits.cast<bool>()) {
    for (py::object message = next(); !message.is_none(); message = next()) handle(message);
    return;
  }
  const py::object drive = parts_->driver.attr("run");
  const py::object take = py::cpp_function([this]() -> py::object {
    const py::object message = next();
    return message.is_none() ? message : py::make_tuple(parts_->context, message);
  });
  PyObject* const given[] = {take.ptr(), parts_->state.ptr()};
  steal(call_python(drive.ptr(), given, 2));
}

void PythonResident::run_tick(u32 timer) {
  renew_context();
  const py::object run = parts_->handler.attr("tick");
  const py::int_ number(timer);
  PyObject* const given[] = {parts_->driver.ptr(), number.ptr(), parts_->context.ptr(), parts_->state.ptr()};
  steal(call_python(run.ptr(), given, 4));
}

template <class Work>
void PythonResident::guarded(const PythonThread::Visit& visit, Work work) {
  PyObject* const variables = parts_->variables ? parts_->variables.ptr() : nullptr;
  if (variables && PyContext_Enter(variables)) throw py::error_already_set();
  try {
    work();
  } catch (py::error_already_set& error) {
    // Ctrl-C of a caller who ran the handler: it is the caller's, too.
    if (visit.lent() && error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();
    std::string text;
    try {
      if (error.trace()) PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
      text = parts_->handler.attr("failure")(error.value()).cast<std::string>();
    } catch (const std::exception& second) {
      text = second.what();
    }
    failed(text, kBroken);
  } catch (const std::exception& error) {
    failed(error.what(), kBroken);
  }
  if (variables && PyContext_Exit(variables)) PyErr_Clear();
}

u32 PythonResident::drain(KernelContext* ctx, u8* first, u32 stride, u32 n, DrainStatus* status) {
  const PythonThread::Visit visit(thread_);
  run_ = {ctx, first, stride, n, 0, false, status, now_ns() + kLongestRun};
  guarded(visit, [this] { run(); });
  const u32 done = run_.done;
  run_ = {};
  return done;
}

void PythonResident::tick(KernelContext* ctx, u32 timer, DrainStatus* status) {
  const PythonThread::Visit visit(thread_);
  run_ = {ctx, nullptr, 0, 0, 0, false, status, 0};
  ticks_ = true;
  guarded(visit, [this, timer] { run_tick(timer); });
  ticks_ = false;
  run_ = {};
}

void PythonResident::failed(const std::string& text, DrainCode code) {
  failure_ = text;
  run_.status->code = code;
}

void PythonResident::describe(const DrainStatus&, ErrorText& text) const {
  std::snprintf(text, sizeof(text), "%s", failure_.c_str());
}

void PythonResident::restart() {
  const PythonThread::Visit visit(thread_);
  try {
    const py::object make = parts_->handler.attr("new_state");
    parts_->state = steal(call_python(make.ptr(), nullptr, 0));
  } catch (py::error_already_set& error) {
    throw Error(ErrorKind::kHandler, error.what());
  }
}

void PythonResident::arrive() {
  const PythonThread::Visit visit(thread_);
}

void PythonResident::leave() {
  PythonThread::Visit visit(thread_);
  visit.end();
  // The handler may hold what holds this; the state is still to be read.
  parts_->handler = parts_->function = parts_->prepare = py::none();
  if (const py::object driver = std::exchange(parts_->driver, py::none()); !driver.is_none()) {
    try {
      const py::object close = driver.attr("close");
      steal(call_python(close.ptr(), nullptr, 0));
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("the end of a kernel's event loop");
    }
  }
}

py::object PythonResident::snapshot() const {
  return parts_->snapshot(parts_->state);
}

void PythonResident::send(u32 output, const py::object& message, bool typed) {
  KernelContext& context = *run_.context;
  const auto put = [&](const py::object& what) {
    Outgoing out;
    encode(what, {}, &out);
    const auto bytes = u32(out.body.size());
    const u32 type_id = typed ? out.envelope.type_id : 0;
    output == ~0U ? context.calls->reply(context.self, context.request, type_id, out.body.data(), bytes)
                  : context.calls->send(context.self, output, type_id, out.body.data(), bytes);
  };
  try {
    return put(message);
  } catch (const codec::EncodeError&) {
    // Numbers of another size than their fields' wrap, as they do in compiled kernels.
    const py::object stored = parts_->handler.attr("stored")(message);
    if (stored.is_none()) throw;
    put(stored);
  }
}

PythonKernel::PythonKernel(KernelType type, const py::object& handler, const std::vector<py::object>& states,
                           bool any_thread)
    : UserKernel(std::move(type)), any_thread_(any_thread) {
  for (const py::object& state : states) {
    residents_.push_back(std::make_shared<PythonResident>(type_, handler, state, any_thread));
  }
}

void PythonKernel::check(const LaunchSpec&) const {
  if (launched_) throw Error(ErrorKind::kInvalidState, "kernel '" + type_.name + "' has been launched");
}

std::shared_ptr<Resident> PythonKernel::settle(const LaunchSpec&, u32 replica) const {
  launched_ = true;
  return residents_[replica];
}

std::vector<std::shared_ptr<Resident>> PythonKernel::resume() const {
  check({});
  launched_ = true;
  return {residents_.begin(), residents_.end()};
}

}  // namespace ringway::bindings
