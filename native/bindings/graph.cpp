// The graph store. Arrays arrive checked for kind and layout by python/ringway/graphs.py; ranges are checked
// here.
#include "core/graph/graph.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>

#include "bindings/bindings.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

// Node numbers of any integer type as 32-bit ones: the caller's memory where it fits, else a checked copy.
class NodeNumbers {
 public:
  NodeNumbers(const py::array& array, const char* name) {
    const auto size = static_cast<std::size_t>(array.size());
    const char kind = array.dtype().kind();
    const void* data = array.data();
    py::gil_scoped_release unlocked;
    switch (kind == 'u' ? array.itemsize() : -array.itemsize()) {
      case 1: copy(static_cast<const std::uint8_t*>(data), size, name); break;
      case 2: copy(static_cast<const std::uint16_t*>(data), size, name); break;
      case 4: view_ = {static_cast<const std::uint32_t*>(data), size}; break;
      case 8: copy(static_cast<const std::uint64_t*>(data), size, name); break;
      case -1: copy(static_cast<const std::int8_t*>(data), size, name); break;
      case -2: copy(static_cast<const std::int16_t*>(data), size, name); break;
      case -4: copy(static_cast<const std::int32_t*>(data), size, name); break;
      default: copy(static_cast<const std::int64_t*>(data), size, name); break;
    }
  }
  std::span<const std::uint32_t> view() const { return view_; }

 private:
  template <class T>
  void copy(const T* data, std::size_t size, const char* name) {
    copy_ = Array<std::uint32_t>(size);
    for (std::size_t i = 0; i < size; ++i) {
      if (data[i] < 0 || static_cast<std::uint64_t>(data[i]) >= kMaxNodes) {
        throw Error(ErrorKind::kGraph, std::string(name) + "[" + std::to_string(i) + "] is " +
                                           std::to_string(data[i]) + "; node numbers are 0 to " +
                                           std::to_string(kMaxNodes - 1));
      }
      copy_[i] = static_cast<std::uint32_t>(data[i]);
    }
    view_ = copy_.span();
  }

  Array<std::uint32_t> copy_;
  std::span<const std::uint32_t> view_;
};

// pybind11 knows no holder of constant objects; every method bound below is a constant one.
using Shared = std::shared_ptr<Graph>;

Shared from_edges(const py::array& src, const py::array& dst,
                  const std::optional<py::array_t<double>>& weight, std::optional<std::uint64_t> num_nodes) {
  const NodeNumbers sources(src, "src");
  const NodeNumbers targets(dst, "dst");
  EdgeSpan edges{sources.view(), targets.view(), {}};
  if (weight) edges.weight = {weight->data(), static_cast<std::size_t>(weight->size())};
  py::gil_scoped_release unlocked;
  return std::const_pointer_cast<Graph>(Graph::from_edges(edges, num_nodes));
}

// A read-only array over the graph's memory, which keeps the graph alive.
template <class T>
py::array view(const py::object& graph, std::span<const T> values) {
  py::array_t<T> array({static_cast<py::ssize_t>(values.size())}, {sizeof(T)}, values.data(), graph);
  py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

}  // namespace

void init_graph(py::module_& module) {
  py::class_<Graph, Shared>(module, "Graph")
      .def_static("from_edges", &from_edges, py::arg("src"), py::arg("dst"), py::arg("weight"),
                  py::arg("num_nodes"))
      .def_property_readonly("num_nodes", &Graph::num_nodes)
      .def_property_readonly("num_edges", &Graph::num_edges)
      .def_property_readonly(
          "offsets", [](const py::object& self) { return view(self, self.cast<const Graph&>().offsets()); })
      .def_property_readonly(
          "targets", [](const py::object& self) { return view(self, self.cast<const Graph&>().targets()); })
      .def_property_readonly("weights", [](const py::object& self) -> std::optional<py::array> {
        const auto& graph = self.cast<const Graph&>();
        if (!graph.has_weights()) return std::nullopt;
        return view(self, graph.weights());
      });
}

}  // namespace ringway::bindings
