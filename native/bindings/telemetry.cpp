// Snapshots of counters as Python objects: made in a fraction of a microsecond, turned into numbers when asked.
#include "core/telemetry.h"

#include <pybind11/stl.h>

#include <utility>

#include "bindings/bindings.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

constexpr double kSecond = 1e-9;  // ns

std::vector<std::pair<double, u64>> cumulative(const LatencyCounts& latency) {
  std::vector<std::pair<double, u64>> all;
  u64 seen = 0;
  for (u32 bucket = 0; bucket < kHistogramBuckets; ++bucket) {
    seen += latency.buckets[bucket];
    if (bucket % kSubBuckets == kSubBuckets - 1) {
      all.emplace_back(double(bucket_floor(bucket + 1)) * kSecond, seen);
    }
  }
  return all;
}

py::dict dropped(const Telemetry& from) {
  py::dict all;
  for (const DropReason& reason : drop_reasons()) all[reason.name] = reason.count(from);
  return all;
}

py::dict counters(const Telemetry& from) {
  py::dict all;
  for (const auto& [name, count] : from.counters) all[name.c_str()] = count;
  return all;
}

py::object bridge(const Telemetry& from) {
  if (!from.bridge) return py::none();
  py::dict all;
  all["to_device"] = from.bridge->to_device;
  all["to_host"] = from.bridge->to_host;
  all["in_full"] = from.bridge->in_full;
  all["out_full"] = from.bridge->out_full;
  return all;
}

py::str text_of(const LatencyCounts& latency) {
  return py::str("<latency of {} samples: p50 {:.3g} s, p99 {:.3g} s, p99.9 {:.3g} s>")
      .format(latency.count(), latency.quantile(0.5) * kSecond, latency.quantile(0.99) * kSecond,
              latency.quantile(0.999) * kSecond);
}

py::str text_of(const Telemetry& t) {
  return py::
      str("<telemetry: received={}, processed={}, sent={}, errors={}, depth={}, dropped={}, uptime={:.3g} s>")
          .format(t.control.received, t.control.processed, t.control.sent, t.control.errors, t.mailbox.depth,
                  dropped(t), t.uptime);
}

double quantile(const LatencyCounts& latency, const py::object& share) {
  const bool number = PyNumber_Check(share.ptr()) && !PyBool_Check(share.ptr());
  const double value = number ? PyFloat_AsDouble(share.ptr()) : -1;
  PyErr_Clear();  // of what is no real number, or too large for one
  if (!(value >= 0 && value <= 1)) {
    throw Error(ErrorKind::kInvalidOption,
                "quantile takes a share from 0 to 1, not " + py::repr(share).cast<std::string>());
  }
  return latency.quantile(value) * kSecond;
}

void init_latency(py::module_& module) {
  py::class_<LatencyCounts>(
      module, "Latency",
      "How long sampled messages took from being sent until the turn that handled them was over.\n\n"
      "Counted in buckets of an eighth of a power of two: a quantile lies within 1/16 of a sampled duration\n"
      "(4 ns below 64 ns), up to 137 s.")
      .def_property_readonly("count", &LatencyCounts::count, "Samples.")
      .def_property_readonly(
          "total", [](const LatencyCounts& l) { return double(l.sum) * kSecond; }, "Their sum in seconds.")
      .def_property_readonly(
          "mean",
          [](const LatencyCounts& l) {
            const u64 count = l.count();
            return count ? double(l.sum) / double(count) * kSecond : 0;
          },
          "Seconds; 0 without samples.")
      .def_property_readonly(
          "p50", [](const LatencyCounts& l) { return l.quantile(0.5) * kSecond; }, "Median, in seconds.")
      .def_property_readonly(
          "p99", [](const LatencyCounts& l) { return l.quantile(0.99) * kSecond; },
          "99th percentile, in seconds.")
      .def_property_readonly(
          "p999", [](const LatencyCounts& l) { return l.quantile(0.999) * kSecond; },
          "99.9th percentile, in seconds.")
      .def("quantile", &quantile, py::arg("share"),
           "Seconds that a share (0 to 1) of the samples do not exceed; 0 without samples.")
      .def_property_readonly(
          "buckets", &cumulative,
          "Pairs of a bound in seconds, a power of two of ns, and how many samples lie below it.")
      .def("__repr__", [](const LatencyCounts& l) { return text_of(l); });
}

void init_links(py::module_& module) {
  py::class_<LinkTelemetry>(module, "LinkTelemetry", "A snapshot of a link's counters, since the last reset.")
      .def_readonly("source", &LinkTelemetry::source, "Name of the kernel that sends.")
      .def_readonly("target", &LinkTelemetry::target, "Name of the kernel that receives.")
      .def_readonly("output", &LinkTelemetry::output, "Which output of that kernel, from 0.")
      .def_readonly("capacity", &LinkTelemetry::capacity, "Slots.")
      .def_readonly("depth", &LinkTelemetry::depth, "Messages that wait.")
      .def_readonly("received", &LinkTelemetry::received, "Messages that the receiver has taken.")
      .def_readonly("latency", &LinkTelemetry::latency, "From being sent to being handled; see `Latency`.")
      .def("__repr__", [](const LinkTelemetry& l) {
        return "<link from '" + l.source + "' to '" + l.target + "': " + std::to_string(l.received) +
               " received, " + std::to_string(l.depth) + " waiting>";
      });
}

}  // namespace

void init_telemetry(py::module_& module) {
  init_latency(module);
  init_links(module);
  py::class_<Telemetry>(module, "Telemetry",
                        "A snapshot of a kernel's counters, since its launch or the last reset.")
      .def_property_readonly(
          "received", [](const Telemetry& t) { return t.control.received; },
          "Messages taken from mailbox and links.")
      .def_property_readonly(
          "processed", [](const Telemetry& t) { return t.control.processed; },
          "Of these, handled without an error.")
      .def_property_readonly(
          "sent", [](const Telemetry& t) { return t.control.sent; },
          "Answers and messages to links and host.")
      .def_property_readonly(
          "errors", [](const Telemetry& t) { return t.control.errors; }, "Messages whose handling failed.")
      .def_property_readonly(
          "restarts", [](const Telemetry& t) { return t.control.restarts; },
          "Times that the kernel began anew after its handler broke.")
      .def_readonly("ticks", &Telemetry::ticks, "Ticks of the kernel's timers.")
      .def_readonly("ticks_missed", &Telemetry::ticks_missed,
                    "Ticks left out, since the kernel was busy when they were due.")
      .def_property_readonly("counters", &counters,
                             "What the handler counts by `Context.count`, by name; empty where it does not.")
      .def_readonly("replacements", &Telemetry::replacements,
                    "Times that another kernel took its place (`Kernel.replace`).")
      .def_property_readonly(
          "iterations", [](const Telemetry& t) { return t.control.iterations; },
          "Times the kernel's loop looked at its inputs.")
      .def_property_readonly(
          "depth", [](const Telemetry& t) { return t.mailbox.depth; }, "Messages that wait in the mailbox.")
      .def_readonly("outbox_depth", &Telemetry::outbox_depth,
                    "Messages to the host that nobody has received; with a pumped bridge, those on the host.")
      .def_property_readonly(
          "bridge", &bridge,
          "None without a pumped bridge; with one, messages copied each way (to_device, to_host)\n"
          "and looks that found messages waiting for room (in_full, out_full).")
      .def_property_readonly("dropped", &dropped, "Messages dropped or refused, by reason.")
      .def_property_readonly(
          "last_message", [](const Telemetry& t) { return double(t.control.last_message_us) * 1e-6; },
          "Seconds since the Unix epoch; 0 before the first message. A reset leaves it.")
      .def_property_readonly(
          "uptime", [](const Telemetry& t) { return t.uptime; },
          "Seconds since launch, to its end when it has ended. A reset leaves it.")
      .def_property_readonly(
          "state", [](const Telemetry& t) { return name_of(t.state); }, "Where the kernel is in its life.")
      .def_readonly("stuck", &Telemetry::stuck,
                    "Whether its handler has not returned for longer than the runtime's watchdog allows.")
      .def_readonly("latency", &Telemetry::latency,
                    "Of mailbox messages, from being sent to being handled; see `Latency`.")
      .def("__repr__", [](const Telemetry& t) { return text_of(t); });
}

}  // namespace ringway::bindings
