// A named queue's counters as Python objects.
#include <pybind11/operators.h>

#include "bindings/bindings.h"
#include "core/named_queue.h"

namespace ringway::bindings {
namespace {

void init_counts(py::module_& module) {
  py::class_<NamedCounts>(
      module, "QueueCounts",
      "A queue's counters since its creation.\n\n"
      "``depth`` counts what was sent and not yet received, ``refused`` what its sender was told of by\n"
      "`QueueFull` or `MessageTooLarge`; dropped messages are those that a policy gave up. Between "
      "processes,\n"
      "``skipped`` messages were begun by senders that died before they sent them, and ``redelivered`` ones\n"
      "were taken by receivers that died and given to another.")
      .def(py::init([](u64 depth, u64 sent, u64 received, u64 dropped_new, u64 dropped_oldest, u64 refused,
                       u64 skipped, u64 redelivered) {
             return NamedCounts{depth,          sent,    received, dropped_new,
                                dropped_oldest, refused, skipped,  redelivered};
           }),
           py::arg("depth"), py::arg("sent"), py::arg("received"), py::arg("dropped_new"),
           py::arg("dropped_oldest"), py::arg("refused"), py::arg("skipped") = 0, py::arg("redelivered") = 0)
      .def_readonly("depth", &NamedCounts::depth)
      .def_readonly("sent", &NamedCounts::sent)
      .def_readonly("received", &NamedCounts::received)
      .def_readonly("dropped_new", &NamedCounts::dropped_new)
      .def_readonly("dropped_oldest", &NamedCounts::dropped_oldest)
      .def_readonly("refused", &NamedCounts::refused)
      .def_readonly("skipped", &NamedCounts::skipped)
      .def_readonly("redelivered", &NamedCounts::redelivered)
      .def(py::self == py::self)
      .def("__repr__", [](const NamedCounts& c) {
        return py::str(
                   "QueueCounts(depth={}, sent={}, received={}, dropped_new={}, dropped_oldest={}, "
                   "refused={}, skipped={}, redelivered={})")
            .format(c.depth, c.sent, c.received, c.dropped_new, c.dropped_oldest, c.refused, c.skipped,
                    c.redelivered);
      });
}

py::dict dropped(const QueueTelemetry& from) {
  py::dict all;
  all["new"] = from.counts.dropped_new;
  all["oldest"] = from.counts.dropped_oldest;
  all["refused"] = from.counts.refused;
  return all;
}

// Of a count.
template <u64 NamedCounts::* field>
u64 counted(const QueueTelemetry& from) {
  return from.counts.*field;
}

}  // namespace

void init_queue_telemetry(py::module_& module) {
  init_counts(module);
  py::class_<QueueTelemetry>(module, "QueueTelemetry",
                             "A snapshot of a named queue's counters, since its creation or the last reset.")
      .def_readonly("capacity", &QueueTelemetry::capacity, "Slots.")
      .def_property_readonly("depth", &counted<&NamedCounts::depth>,
                             "Messages sent and not yet received. A reset leaves it.")
      .def_property_readonly("sent", &counted<&NamedCounts::sent>, "Messages that the queue has taken.")
      .def_property_readonly("received", &counted<&NamedCounts::received>,
                             "Messages that receivers have taken.")
      .def_property_readonly("dropped", &dropped,
                             "Messages dropped or refused, by reason: ``new``, ``oldest``, ``refused``.")
      .def_property_readonly("skipped", &counted<&NamedCounts::skipped>,
                             "Messages that senders in other processes had begun when they died.")
      .def_property_readonly("redelivered", &counted<&NamedCounts::redelivered>,
                             "Messages that receivers had taken when they died, and another got.")
      .def_property_readonly(
          "last_message", [](const QueueTelemetry& t) { return double(t.last_message_us) * 1e-6; },
          "When a message was last sent, in seconds since the Unix epoch, within a few ms; 0 before the\n"
          "first. A reset leaves it.")
      .def_readonly("latency", &QueueTelemetry::latency,
                    "Of one message in 64, from being sent to being received (in place: given back); see\n"
                    "`Latency`. Of queues in shared memory: none.")
      .def("__repr__", [](const QueueTelemetry& t) {
        return py::str("<telemetry: sent={}, received={}, depth={} of {}, dropped={}>")
            .format(t.counts.sent, t.counts.received, t.counts.depth, t.capacity, dropped(t));
      });
}

}  // namespace ringway::bindings
