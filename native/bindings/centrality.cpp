// Power iterations over incoming edges. Vectors arrive checked by python/ringway/networkx_backend, one value per node.
#include <pybind11/numpy.h>

#include "bindings/bindings.h"
#include "bindings/message_io.h"
#include "core/error.h"
#include "core/graph/in_edges.h"

namespace ringway::bindings {
namespace {

using Vector = py::array_t<double, py::array::c_style>;

void check_size(const InEdges& edges, const Vector& vector) {
  if (static_cast<std::uint64_t>(vector.size()) == edges.num_nodes()) return;
  throw Error(ErrorKind::kInvalidOption, "a vector has " + std::to_string(vector.size()) +
                                             " values; the graph has " + std::to_string(edges.num_nodes()) +
                                             " nodes");
}

InEdges::Limits limits(double tolerance, std::uint64_t max_iterations) {
  return {tolerance, max_iterations, signal_check()};
}

std::span<double> writable(const InEdges& edges, Vector& vector) {
  check_size(edges, vector);
  return {vector.mutable_data(), static_cast<std::size_t>(vector.size())};
}

bool katz(const InEdges& edges, double alpha, const Vector& beta, Vector x, double tolerance,
          std::uint64_t max_iterations) {
  check_size(edges, beta);
  const std::span<const double> constant{beta.data(), static_cast<std::size_t>(beta.size())};
  const std::span<double> values = writable(edges, x);
  const InEdges::Limits bounds = limits(tolerance, max_iterations);
  py::gil_scoped_release unlocked;
  return edges.katz(alpha, constant, values, bounds);
}

bool eigenvector(const InEdges& edges, Vector x, double tolerance, std::uint64_t max_iterations) {
  const std::span<double> values = writable(edges, x);
  const InEdges::Limits bounds = limits(tolerance, max_iterations);
  py::gil_scoped_release unlocked;
  return edges.eigenvector(values, bounds);
}

}  // namespace

void init_centrality(py::module_& module) {
  py::class_<InEdges>(module, "InEdges")
      .def(py::init([](const Graph& graph, bool weighted) {
             py::gil_scoped_release unlocked;
             return std::make_unique<InEdges>(graph, weighted);
           }),
           py::arg("graph"), py::arg("weighted"))
      .def("katz", &katz, py::arg("alpha"), py::arg("beta"), py::arg("x").noconvert(), py::arg("tolerance"),
           py::arg("max_iterations"))
      .def("eigenvector", &eigenvector, py::arg("x").noconvert(), py::arg("tolerance"),
           py::arg("max_iterations"));
}

}  // namespace ringway::bindings
