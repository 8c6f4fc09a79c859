// Plans and run memory of PageRank. Vectors arrive checked for kind and layout by python/ringway/_pagerank.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "bindings/bindings.h"
#include "core/error.h"
#include "core/graph/plan.h"

namespace ringway::bindings {
namespace {

// pybind11 knows no holder of constant objects; every method bound below is a constant one.
using SharedPlan = std::shared_ptr<PageRankPlan>;
using Vector = std::optional<py::array_t<double, py::array::c_style>>;

PageRankPlan::Order order_named(const std::string& name) {
  if (name == "auto") return PageRankPlan::Order::kAuto;
  if (name == "degree") return PageRankPlan::Order::kDegree;
  if (name == "none") return PageRankPlan::Order::kAsIs;
  throw Error(ErrorKind::kInvalidOption, "order is '" + name + "'; it must be auto, degree or none");
}

std::span<const double> span_of(const Vector& vector) {
  if (!vector) return {};
  return {vector->data(), static_cast<std::size_t>(vector->size())};
}

// The memory as an array that keeps `owner` alive.
py::array view(const py::object& owner, std::span<unsigned char> memory) {
  return py::array_t<std::uint8_t>({static_cast<py::ssize_t>(memory.size())}, {1}, memory.data(), owner);
}

template <class T>
void collect(const PageRankWork& work, py::array_t<T, py::array::c_style> out) {
  const std::span<T> ranks{out.mutable_data(), static_cast<std::size_t>(out.size())};
  py::gil_scoped_release unlocked;
  work.collect(ranks);
}

}  // namespace

void init_pagerank(py::module_& module) {
  py::class_<PageRankPlan, SharedPlan>(module, "PageRankPlan")
      .def(py::init([](const Graph& graph, std::uint32_t shards, bool weighted, std::uint32_t value_bytes,
                       const std::string& order, std::uint32_t block_nodes, std::uint32_t window_nodes,
                       std::uint32_t first_block_nodes) {
             const PageRankPlan::Options options{
                 shards,      weighted,     value_bytes,      order_named(order),
                 block_nodes, window_nodes, first_block_nodes};
             py::gil_scoped_release unlocked;
             return std::const_pointer_cast<PageRankPlan>(PageRankPlan::build(graph, options));
           }),
           py::arg("graph"), py::arg("shards"), py::arg("weighted"), py::arg("value_bytes"),
           py::arg("order") = "auto", py::arg("block_nodes") = std::uint32_t{kMaxBlockNodes},
           py::arg("window_nodes") = std::uint32_t{kMaxWindowNodes},
           py::arg("first_block_nodes") = std::uint32_t{0})
      .def_property_readonly("shards", [](const PageRankPlan& plan) { return plan.header().shards; })
      .def_property_readonly("blocks", [](const PageRankPlan& plan) { return plan.header().blocks; })
      .def_property_readonly("windows", [](const PageRankPlan& plan) { return plan.header().windows; })
      .def_property_readonly("weighted", [](const PageRankPlan& plan) { return plan.header().weighted != 0; })
      .def_property_readonly("moved", [](const PageRankPlan& plan) { return plan.header().moved != 0; })
      .def_property_readonly("memory", [](const py::object& self) {
        return view(self, self.cast<const PageRankPlan&>().memory());
      });

  py::class_<PageRankWork>(module, "PageRankWork")
      .def(py::init([](const SharedPlan& plan) { return std::make_unique<PageRankWork>(plan); }),
           py::arg("plan"))
      .def(
          "start",
          [](PageRankWork& work, double damping, const Vector& personalization, const Vector& dangling,
             const Vector& ranks) {
            const PageRankWork::Start start{damping, span_of(personalization), span_of(dangling),
                                            span_of(ranks)};
            py::gil_scoped_release unlocked;
            work.start(start);
          },
          py::arg("damping"), py::arg("personalization"), py::arg("dangling"), py::arg("ranks"))
      .def("collect", &collect<float>, py::arg("out").noconvert())
      .def("collect", &collect<double>, py::arg("out").noconvert())
      .def_property_readonly("memory", [](const py::object& self) {
        return view(self, self.cast<const PageRankWork&>().memory());
      });
}

}  // namespace ringway::bindings
