#include "core/selftest.h"

#include <pybind11/stl.h>

#include <utility>

#include "bindings/bindings.h"
#include "core/cores.h"

namespace ringway::bindings {
namespace {

using Unlocked = py::call_guard<py::gil_scoped_release>;

std::pair<double, std::uint64_t> throughput(std::uint32_t messages, std::uint32_t batch) {
  ThroughputRun run = queue_throughput(messages, batch);
  return {run.seconds, run.wrong};
}

}  // namespace

void init_selftest(py::module_& module) {
  module.def("usable_cores", &usable_cores);
  module.def("selftest_throughput", &throughput, py::arg("messages"), py::arg("batch"), Unlocked());
  module.def("selftest_queue_ns", &queue_one_way_ns, py::arg("round_trips"), Unlocked());
  module.def("selftest_cell_ns", &cell_one_way_ns, py::arg("round_trips"), Unlocked());
  module.def("selftest_floor_ns", &floor_one_way_ns, py::arg("round_trips"), py::arg("shared_line"),
             Unlocked());
}

}  // namespace ringway::bindings
