// How kernels ended, for Python.
#pragma once
#include "bindings/bindings.h"
#include "core/runtime.h"

namespace ringway::bindings {

inline py::tuple tuple_of(const TerminateReport& report) {
  return py::make_tuple(report.processed, report.left_over, report.uptime);
}

// By name, in the order in which they ended.
inline py::dict dict_of(const Runtime::CloseReport& reports) {
  py::dict all;
  for (const auto& [name, report] : reports) all[py::str(name)] = tuple_of(report);
  return all;
}

}  // namespace ringway::bindings
