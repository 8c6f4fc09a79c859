#include "core/selftest.h"

#include <pybind11/numpy.h>
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

using Floats = py::array_t<float, py::array::c_style>;

void add(const Floats& a, const Floats& b, Floats& out) {
  if (a.size() != out.size() || b.size() != out.size()) throw py::value_error("arrays of different sizes");
  float* const to = out.mutable_data();
  const py::gil_scoped_release unlocked;
  plain_add(a.data(), b.data(), to, std::uint64_t(out.size()));
}

void scale(const Floats& a, Floats& out, float factor) {
  if (a.size() != out.size()) throw py::value_error("arrays of different sizes");
  float* const to = out.mutable_data();
  const py::gil_scoped_release unlocked;
  plain_scale(a.data(), to, factor, std::uint64_t(out.size()));
}

}  // namespace

void init_selftest(py::module_& module) {
  module.def("usable_cores", &usable_cores);
  module.def("selftest_throughput", &throughput, py::arg("messages"), py::arg("batch"), Unlocked());
  module.def("selftest_queue_ns", &queue_one_way_ns, py::arg("round_trips"), Unlocked());
  module.def("selftest_cell_ns", &cell_one_way_ns, py::arg("round_trips"), Unlocked());
  module.def("selftest_floor_ns", &floor_one_way_ns, py::arg("round_trips"), py::arg("shared_line"),
             Unlocked());
  module.def("selftest_add", &add, py::arg("a").noconvert(), py::arg("b").noconvert(),
             py::arg("out").noconvert());
  module.def("selftest_scale", &scale, py::arg("a").noconvert(), py::arg("out").noconvert(),
             py::arg("factor"));
}

}  // namespace ringway::bindings
