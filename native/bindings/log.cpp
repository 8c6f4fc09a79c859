// The native log as Python takes it: level, form, and records that one thread waits for without the GIL.
#include "core/log.h"

#include <pybind11/stl.h>

#include <string>

#include "bindings/bindings.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

using log::Level;

log::Level level_named(const std::string& name) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kSilent}) {
    if (name == log::name_of(level)) return level;
  }
  throw Error(ErrorKind::kInvalidOption,
              "level is '" + name + "'; it must be debug, info, warning or silent");
}

py::str text_of(const std::string& text) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.data(), py::ssize_t(text.size()), "backslashreplace"));
}

// (records as (level, seconds since the epoch, event, kernel, runtime, text), lost, over)
py::tuple take() {
  log::Taken taken;
  {
    py::gil_scoped_release unlocked;
    taken = log::take();
  }
  py::list records;
  for (const log::LogLine& record : taken.records) {
    records.append(py::make_tuple(log::name_of(record.level), double(record.time_us) * 1e-6, record.event,
                                  text_of(record.kernel), text_of(record.runtime), text_of(record.text)));
  }
  return py::make_tuple(records, taken.lost, taken.over);
}

}  // namespace

void init_log(py::module_& module) {
  module.def(
      "set_log_level", [](const std::string& name) { log::set_threshold(level_named(name)); },
      py::arg("level"));
  module.def("set_log_json", &log::set_json, py::arg("json"));
  module.def("keep_log", &log::keep, py::arg("on"));
  module.def("take_log", &take);
  module.def("forget_log", &log::forget_kept);
}

}  // namespace ringway::bindings
