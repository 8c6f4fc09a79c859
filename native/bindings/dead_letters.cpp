// Dead letters as Python objects.
#include "core/dead_letters.h"

#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "bindings/message_io.h"
#include "bindings/seconds.h"
#include "bindings/waiting_call.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

using SharedLetter = std::shared_ptr<const DeadLetter>;

// Python's classes do not know `const`; nothing here changes a letter.
struct Letter {
  SharedLetter letter;
  const DeadLetter& operator*() const { return *letter; }
  const DeadLetter* operator->() const { return letter.get(); }
};

template <class Holder>
std::vector<Letter> dead_letters(Holder& holder, bool clear) {
  std::vector<Letter> all;
  for (SharedLetter& letter : holder.dead_letters().list(clear)) all.push_back({std::move(letter)});
  return all;
}

py::bytes body(const Letter& letter) {
  return {reinterpret_cast<const char*>(letter->body.data()), letter->body.size()};
}

py::object id(const Letter& letter) {
  if (letter->bare) return py::none();
  return py::bytes(reinterpret_cast<const char*>(letter->envelope.message_id),
                   sizeof(letter->envelope.message_id));
}

std::optional<bool> resend(Kernel& kernel, const Letter& letter, bool wait, const py::object& timeout) {
  const Patience patience = kernel.patience(seconds_of(timeout), signal_check());
  const WaitingCall call(&kernel.runtime());
  const std::optional<bool> sent = kernel.resend(*letter, wait ? &patience : nullptr);
  if (sent.value_or(false)) kernel.dead_letters().remove(letter.letter.get());
  return sent;
}

// None: no room for now, of a call that does not wait.
std::optional<bool> resend_to_queue(NamedQueue& queue, const Letter& letter, bool wait,
                                    const py::object& timeout) {
  using Offer = NamedQueue::Offer;
  const Patience patience = queue.patience(seconds_of(timeout), signal_check());
  queue.check_message(letter->envelope.type_id, "the dead letter's type", letter->body.size());
  if (queue.type().fixed_size && letter->body.size() != queue.type().fixed_size) {
    throw Error(ErrorKind::kTypeMismatch, "queue '" + queue.name() + "' carries messages of " +
                                              std::to_string(queue.type().fixed_size) + " bytes, not of " +
                                              std::to_string(letter->body.size()));
  }
  Envelope envelope = letter->envelope;
  if (letter->bare) fresh_id(envelope.message_id);
  envelope.timestamp_us = unix_us();
  const Part body{letter->body.data(), letter->body.size()};
  auto send = [&](std::initializer_list<Part> parts) -> std::optional<bool> {
    const Offer made = queue.try_send(parts);
    if (made != Offer::kFull) return made == Offer::kSent;
    if (!wait && queue.queue().options().policy == Backpressure::kBlock) return std::nullopt;
    const WaitingCall call(&queue);
    return queue.send(parts, patience);
  };
  const bool bare = queue.type().content != Content::kAny;
  const std::optional<bool> sent = bare ? send({body}) : send({{&envelope, sizeof(envelope)}, body});
  if (sent.value_or(false)) queue.dead_letters().remove(letter.letter.get());
  return sent;
}

}  // namespace

void init_dead_letters(py::module_& module) {
  py::class_<Letter>(module, "DeadLetter")
      .def_property_readonly("reason", [](const Letter& letter) { return name_of(letter->reason); })
      .def_property_readonly("error", [](const Letter& letter) { return letter->error; })
      .def_property_readonly("time", [](const Letter& letter) { return double(letter->time_us) * 1e-6; })
      .def_property_readonly("priority", [](const Letter& letter) { return letter->envelope.priority; })
      .def_property_readonly("id", &id)
      .def_property_readonly("body", &body)
      .def_property_readonly("message",
                             [](const Letter& letter) { return decode(letter->envelope, letter->body); });
  module.def("dead_letters", &dead_letters<Kernel>, py::arg("kernel"), py::arg("clear"));
  module.def("queue_dead_letters", &dead_letters<NamedQueue>, py::arg("queue"), py::arg("clear"));
  module.def("resend_to_queue", &resend_to_queue, py::arg("queue"), py::arg("letter"), py::arg("wait"),
             py::arg("timeout"));
  module.def("resend", &resend, py::arg("kernel"), py::arg("letter"), py::arg("wait"), py::arg("timeout"));
}

}  // namespace ringway::bindings
