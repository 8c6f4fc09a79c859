// What event loops wait for.
#include <pybind11/stl.h>

#include <functional>
#include <memory>
#include <unordered_map>

#include "bindings/bindings.h"
#include "bindings/event_call.h"
#include "bindings/held_cell.h"
#include "bindings/message_io.h"
#include "bindings/python_thread.h"
#include "bindings/reports.h"
#include "bindings/seconds.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

using SharedKernel = std::shared_ptr<Kernel>;
using SharedRuntime = std::shared_ptr<Runtime>;

// An event loop's requests and receives: what it waits for, by token.
class EventPort {
 public:
  explicit EventPort(Runtime& runtime) : port_(runtime.open_port()) {}
  ~EventPort() {
    for (auto& [token, watch] : rooms_) watch->kernel->port().room_watchers.remove(&watch->node);
  }
  EventPort(const EventPort&) = delete;
  EventPort& operator=(const EventPort&) = delete;

  int fd() const { return port_->fd(); }

  // The answer as an object; None: `token` comes from take() later, and finish() has the answer then; False: no room
  // in the mailbox for now.
  py::object ask(const SharedKernel& kernel, const py::object& message, u64 token, py::handle priority,
                 py::handle ttl, py::handle message_id) {
    Outgoing out;
    encode(message, {priority, ttl, message_id}, &out);
    Held held{*kernel, nullptr};
    // Before the message goes, and before its token may come: no memory may be missing then.
    Waiting& waiting = waiting_.emplace(token, Waiting{kernel, nullptr}).first->second;
    bool waits = false;
    try {
      py::gil_scoped_release unlocked;
      const PythonThread::Kept kept;
      waiting.cell = held.cell = kernel->try_ask(out.envelope, out.body, *out.type_name);
      waits =
          held.cell && !kernel->push_on(held.cell, true) && ReplyPool::listen(held.cell, port_.get(), token);
    } catch (...) {
      waiting_.erase(token);
      throw;
    }
    if (waits) {
      held.cell = nullptr;
      return py::none();
    }
    waiting_.erase(token);
    if (!held.cell) return py::bool_(false);
    const Reply reply = kernel->read(held.cell);
    return decode(*reply.envelope, reply.body);
  }

  // As above for calls that may wait for a handler or a drain: false when it is done already.
  bool activate(const SharedKernel& kernel, u64 token) {
    return add(token, [&] {
      return EventCall::now_or_start(port_, token, [kernel](Check check) { kernel->activate(check); });
    });
  }
  bool deactivate(const SharedKernel& kernel, u64 token) {
    return add(token, [&] {
      return EventCall::now_or_start(port_, token, [kernel](Check check) { kernel->deactivate(check); });
    });
  }
  bool link(const SharedRuntime& runtime, const SharedKernel& source, const SharedKernel& target,
            std::int64_t capacity, std::int64_t slot_size, u64 token) {
    return add(token, [&] {
      return EventCall::now_or_start(
          port_, token, [=](Check check) { runtime->link(*source, *target, capacity, slot_size, check); });
    });
  }
  void terminate(const SharedKernel& kernel, bool drain, const py::object& timeout, u64 token) {
    const double seconds = seconds_or_forever(timeout);
    auto report = std::make_shared<TerminateReport>();
    add(
        token,
        [&] {
          return EventCall::start(port_, token, [=](Check check) {
            *report = kernel->terminate(drain, Wait::seconds(seconds, check));
          });
        },
        [report] { return tuple_of(*report); });
  }
  void close(const SharedRuntime& runtime, bool drain, const py::object& timeout, u64 token) {
    const double seconds = seconds_or_forever(timeout);
    auto report = std::make_shared<Runtime::CloseReport>();
    add(
        token,
        [&] {
          return EventCall::start(port_, token, [=](Check check) {
            *report = runtime->close(drain, Wait::seconds(seconds, check));
          });
        },
        [report] { return dict_of(*report); });
  }
  // The token comes soon.
  void cancel(u64 token) { calls_.at(token).call->cancel(); }

  py::object finish(u64 token) {
    if (const auto call = calls_.extract(token)) {
      call.mapped().call->check();
      return call.mapped().result();
    }
    const auto found = waiting_.find(token);
    Held held{*found->second.kernel, found->second.cell};
    const SharedKernel kernel = found->second.kernel;
    waiting_.erase(found);
    const Reply reply = kernel->read(held.cell);
    return decode(*reply.envelope, reply.body);
  }

  // True when no token will come; else the caller gives the answer up when it comes.
  bool withdraw(u64 token) {
    const auto found = waiting_.find(token);
    if (!found->second.kernel->runtime().replies().withdraw(found->second.cell)) return false;
    waiting_.erase(found);
    return true;
  }

  void discard(u64 token) {
    if (calls_.erase(token)) return;
    const auto found = waiting_.find(token);
    if (found == waiting_.end()) return;
    found->second.kernel->runtime().replies().give_back(found->second.cell);
    waiting_.erase(found);
  }

  // False when there may be a message already: receive it without waiting.
  bool watch(const SharedKernel& kernel, u64 token) { return kernel->watch(port_.get(), token); }

  // `token` comes from take() once there may be room in the mailbox that was made after this.
  void watch_room(const SharedKernel& kernel, u64 token) {
    auto made = std::make_unique<RoomWatch>(RoomWatch{{port_.get(), nullptr, token}, kernel});
    RoomWatch& watch = *rooms_.emplace(token, std::move(made)).first->second;
    try {
      kernel->port().room_watchers.add(&watch.node);
    } catch (...) {
      rooms_.erase(token);
      throw;
    }
  }

  // The token may still come when it is on its way.
  void withdraw_room(u64 token) {
    const auto found = rooms_.find(token);
    if (found == rooms_.end()) return;
    RoomWatch& watch = *found->second;
    if (watch.kernel->port().room_watchers.remove(&watch.node)) rooms_.erase(found);
  }

  std::vector<std::uint64_t> take() {
    const auto tokens = port_->take();
    for (const auto token : tokens) rooms_.erase(token);
    return tokens;
  }
  std::size_t waiting() const { return waiting_.size() + calls_.size(); }

 private:
  using Result = std::function<py::object()>;
  struct Calling {
    std::shared_ptr<EventCall> call;
    Result result;
  };
  // What is kept of a call is there before the call begins: its token may come at any time after that.
  template <class Start>
  bool add(u64 token, Start start, Result result = [] { return py::none(); }) {
    calls_.emplace(token, Calling{nullptr, std::move(result)});
    std::shared_ptr<EventCall> call;
    try {
      call = start();
    } catch (...) {
      calls_.erase(token);
      throw;
    }
    if (!call) return calls_.erase(token) == 0;
    calls_.at(token).call = std::move(call);
    return true;
  }

  struct Waiting {
    SharedKernel kernel;
    Kernel::Cell* cell;
  };
  struct RoomWatch {
    Completion node;
    SharedKernel kernel;
  };
  const std::shared_ptr<CompletionPort> port_;
  std::unordered_map<u64, Waiting> waiting_;
  std::unordered_map<u64, std::unique_ptr<RoomWatch>> rooms_;
  std::unordered_map<u64, Calling> calls_;
};

}  // namespace

void init_event_port(py::module_& module) {
  py::class_<EventPort>(module, "EventPort")
      .def(py::init<Runtime&>(), py::arg("runtime"))
      .def("fileno", &EventPort::fd)
      .def("ask", &EventPort::ask, py::arg("kernel"), py::arg("message"), py::arg("token"),
           py::arg("priority"), py::arg("ttl"), py::arg("message_id"))
      .def("activate", &EventPort::activate, py::arg("kernel"), py::arg("token"))
      .def("deactivate", &EventPort::deactivate, py::arg("kernel"), py::arg("token"))
      .def("link", &EventPort::link, py::arg("runtime"), py::arg("source"), py::arg("target"),
           py::arg("capacity"), py::arg("slot_size"), py::arg("token"))
      .def("terminate", &EventPort::terminate, py::arg("kernel"), py::arg("drain"), py::arg("timeout"),
           py::arg("token"))
      .def("close", &EventPort::close, py::arg("runtime"), py::arg("drain"), py::arg("timeout"),
           py::arg("token"))
      .def("cancel", &EventPort::cancel, py::arg("token"))
      .def("finish", &EventPort::finish, py::arg("token"))
      .def("withdraw", &EventPort::withdraw, py::arg("token"))
      .def("discard", &EventPort::discard, py::arg("token"))
      .def("watch", &EventPort::watch, py::arg("kernel"), py::arg("token"))
      .def("watch_room", &EventPort::watch_room, py::arg("kernel"), py::arg("token"))
      .def("withdraw_room", &EventPort::withdraw_room, py::arg("token"))
      .def("take", &EventPort::take)
      .def_property_readonly("waiting", &EventPort::waiting);
}

}  // namespace ringway::bindings
