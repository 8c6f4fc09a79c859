// Recordings and their replay. What a comparison found is kept whole; Python asks for the bytes of what it shows.
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>

#include "bindings/bindings.h"
#include "bindings/message.h"
#include "bindings/message_io.h"
#include "bindings/waiting_call.h"
#include "core/record/compare.h"
#include "core/runtime.h"
#include "core/user_kernel.h"

namespace ringway::bindings {
namespace {

py::tuple as_tuple(const RecordReport& report) {
  return py::make_tuple(report.records, report.bytes, report.lost, report.error);
}

void start_recording(Runtime& runtime, const std::string& path, bool block, std::int64_t buffer,
                     bool overwrite) {
  const WaitingCall call(&runtime);
  runtime.start_recording({path, block, overwrite, buffer});
}

py::tuple stop_recording(Runtime& runtime) {
  RecordReport report;
  {
    const WaitingCall call(&runtime);
    report = runtime.stop_recording();
  }
  return as_tuple(report);
}

py::object bytes_of(std::span<const u8> bytes) {
  return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// A record as Python sees it: the type of a message, whether it says that a handler failed, its bytes, its text, and
// the id of the message that it is, or answers.
py::object side_of(const Recording& recording, std::size_t i) {
  if (i == kNoRecord) return py::none();
  const Record record = recording[i];
  if (!record.has_envelope()) return py::make_tuple(0U, false, bytes_of(record.data), "", py::none());
  const Envelope envelope = record.envelope();
  const bool letter = record.kind() == RecordKind::kLetter;
  const bool answers = record.kind() == RecordKind::kAnswer || record.kind() == RecordKind::kSent;
  const auto& id = answers ? envelope.correlation_id : envelope.message_id;
  return py::make_tuple(
      envelope.type_id, (envelope.flags & kEnvelopeError) != 0, bytes_of(record.body()),
      letter ? std::string(name_of(static_cast<LetterReason>(record.head.detail & ~u32(kBareLetter)))) +
                   ": " + record.text()
             : std::string(),
      py::bytes(reinterpret_cast<const char*>(id), sizeof(id)));
}

class Replay {
 public:
  Replay(const std::string& path, std::optional<u32> chunks, const std::string& backend, u32 workers,
         double speed, double timeout, const std::string& output, bool overwrite, const py::function& give) {
    const Check check = signal_check();
    const WaitingCall call(this);
    recording_ = std::make_unique<Recording>(path, chunks.value_or(Recording::kAllChunks));
    history_ = std::make_unique<History>(*recording_);
    ReplayOptions options;
    options.backend = backend;
    options.workers = workers;
    options.speed = speed;
    options.timeout = timeout;
    options.record = {.path = output, .overwrite = overwrite};
    options.check = check;
    options.give = [&give](const RecordFields& fields) {
      const py::gil_scoped_acquire locked;
      py::dict all;
      for (const auto& [name, value] : fields) all[name.c_str()] = py::bytes(value);
      const py::tuple given = give(all);
      const auto state = given[1].cast<std::string>();
      return ReplayOptions::Given{given[0].cast<std::shared_ptr<UserKernel>>(), {state.begin(), state.end()}};
    };
    played_ = replay(*history_, options);
    again_ = std::make_unique<Recording>(output);
    history_again_ = std::make_unique<History>(*again_);
    comparison_ = compare(*history_, *history_again_, played_);
  }

  const Comparison& comparison() const { return comparison_; }
  py::tuple difference(std::size_t i) const {
    const Difference& found = comparison_.differences.at(i);
    return py::make_tuple(u32(found.finding), found.what, found.where, found.place,
                          side_of(*recording_, found.recorded), side_of(*again_, found.replayed));
  }
  py::dict facts() const {
    py::dict all;
    all["backend"] = played_.backend;
    all["recorded_backend"] = field_of(history_->runtime(), "backend");
    all["ringway"] = field_of(history_->runtime(), "ringway");
    all["started"] = double(recording_->started_us()) * 1e-6;
    all["complete"] = recording_->complete();
    all["lost"] = history_->lost();
    all["buffers"] = history_->buffers();
    all["stalled"] = played_.stalled;
    all["seconds"] = played_.seconds;
    py::list replaced;
    for (const auto& [number, kernel] : history_->kernels()) {
      if (kernel.replaced) replaced.append(py::make_tuple(kernel.spec.name, kernel.replaced));
    }
    all["replaced"] = replaced;
    return all;
  }

 private:
  std::unique_ptr<Recording> recording_, again_;
  std::unique_ptr<History> history_, history_again_;
  Played played_;
  Comparison comparison_;
};

py::dict part_as_dict(const ComparedPart& part) {
  py::dict all;
  all["name"] = part.name;
  all["type"] = part.type;
  all["unordered"] = part.unordered;
  all["queue"] = part.queue;
  all["earlier"] = part.earlier;
  all["entered"] = part.entered;
  all["withheld"] = part.withheld;
  all["refused"] = part.refused;
  all["out"] = part.out;
  all["equal"] = part.equal;
  all["different"] = part.different;
  all["missing"] = part.missing;
  all["extra"] = part.extra;
  all["reordered"] = part.reordered;
  all["beyond"] = part.beyond;
  all["unasked"] = part.unasked;
  all["dropped"] = part.dropped;
  all["refusal"] = part.refusal;
  return all;
}

}  // namespace

void init_record(py::module_& module) {
  module.def("start_recording", &start_recording, py::arg("runtime"), py::arg("path"), py::arg("block"),
             py::arg("buffer"), py::arg("overwrite"));
  module.def("stop_recording", &stop_recording, py::arg("runtime"));
  module.def(
      "recording_report", [](Runtime& runtime) { return as_tuple(runtime.recorder().report()); },
      py::arg("runtime"));
  module.def(
      "decode_as",
      [](u32 type_id, const py::bytes& body) {
        const std::string_view bytes(body);
        Envelope envelope{};
        envelope.type_id = type_id;
        return decode(envelope, {reinterpret_cast<const u8*>(bytes.data()), bytes.size()});
      },
      py::arg("type_id"), py::arg("body"));
  py::class_<Replay>(module, "Replay")
      .def(py::init<const std::string&, std::optional<u32>, const std::string&, u32, double, double,
                    const std::string&, bool, const py::function&>(),
           py::arg("path"), py::arg("chunks"), py::arg("backend"), py::arg("workers"), py::arg("speed"),
           py::arg("timeout"), py::arg("output"), py::arg("overwrite"), py::arg("give"))
      .def("parts",
           [](const Replay& self) {
             py::list all;
             for (const ComparedPart& part : self.comparison().parts) all.append(part_as_dict(part));
             return all;
           })
      .def("facts", &Replay::facts)
      .def("__len__", [](const Replay& self) { return self.comparison().differences.size(); })
      .def("difference", &Replay::difference, py::arg("index"));
}

}  // namespace ringway::bindings
