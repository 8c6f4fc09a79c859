// The graph store. Arrays arrive checked for kind and layout by python/ringway/graphs.py; ranges are checked
// here.
#include "core/graph/graph.h"

#include <pybind11/native_enum.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "core/error.h"
#include "core/graph/parallel.h"
#include "core/graph/reader.h"
#include "core/graph/saved.h"

namespace ringway::bindings {
namespace {

// Node numbers of any integer type as 32-bit ones: the caller's memory where it fits, else a checked copy.
class NodeNumbers {
 public:
  NodeNumbers(const py::array& array, const char* name) {
    const auto size = static_cast<std::size_t>(array.size());
    const py::ssize_t width = array.dtype().kind() == 'u' ? array.itemsize() : -array.itemsize();
    const void* data = array.data();
    py::gil_scoped_release unlocked;
    switch (width) {
      case 1: copy(static_cast<const std::uint8_t*>(data), size, name); break;
      case 2: copy(static_cast<const std::uint16_t*>(data), size, name); break;
      case 4: view_ = {static_cast<const std::uint32_t*>(data), size}; break;
      case 8: copy(static_cast<const std::uint64_t*>(data), size, name); break;
      case -1: copy(static_cast<const std::int8_t*>(data), size, name); break;
      case -2: copy(static_cast<const std::int16_t*>(data), size, name); break;
      case -4: view_signed(static_cast<const std::int32_t*>(data), size, name); break;
      default: copy(static_cast<const std::int64_t*>(data), size, name); break;
    }
  }
  std::span<const std::uint32_t> view() const { return view_; }

 private:
  template <class T>
  [[noreturn]] static void fail(const T* data, std::size_t i, const char* name) {
    throw Error(ErrorKind::kGraph, std::string(name) + "[" + std::to_string(i) + "] is " +
                                       std::to_string(data[i]) + "; node numbers are 0 to " +
                                       std::to_string(kMaxNodes - 1));
  }

  // Numbers that are not negative are the same bits without a sign.
  void view_signed(const std::int32_t* data, std::size_t size, const char* name) {
    const unsigned threads = threads_for(size);
    std::vector<std::uint32_t> signs(threads);
    run_threads(threads, [&](unsigned t) {
      std::uint32_t sign = 0;
      const std::uint64_t end = part_begin(size, t + 1, threads);
      for (std::uint64_t i = part_begin(size, t, threads); i < end; ++i)
        sign |= static_cast<std::uint32_t>(data[i]);
      signs[t] = sign >> 31;
    });
    if (std::find(signs.begin(), signs.end(), 1U) != signs.end()) {
      fail(data,
           static_cast<std::size_t>(std::find_if(data, data + size, [](auto i) { return i < 0; }) - data),
           name);
    }
    view_ = {reinterpret_cast<const std::uint32_t*>(data), size};
  }

  template <class T>
  void copy(const T* data, std::size_t size, const char* name) {
    copy_ = Array<std::uint32_t>(size);
    const unsigned threads = threads_for(size);
    std::vector<std::size_t> bad(threads, size);  // the first of each part
    run_threads(threads, [&](unsigned t) {
      const std::uint64_t end = part_begin(size, t + 1, threads);
      for (std::uint64_t i = part_begin(size, t, threads); i < end; ++i) {
        if (data[i] < 0 || static_cast<std::uint64_t>(data[i]) >= kMaxNodes) {
          bad[t] = i;
          return;
        }
        copy_[i] = static_cast<std::uint32_t>(data[i]);
      }
    });
    const std::size_t first = *std::min_element(bad.begin(), bad.end());
    if (first != size) fail(data, first, name);
    view_ = copy_.span();
  }

  Array<std::uint32_t> copy_;
  std::span<const std::uint32_t> view_;
};

template <class T>
Array<T> copied(std::span<const T> values) {
  Array<T> copy(values.size());
  std::copy(values.begin(), values.end(), copy.data());
  return copy;
}

// pybind11 knows no holder of constant objects; every method bound below is a constant one.
using Shared = std::shared_ptr<Graph>;

Shared shared(const Graph::Ptr& graph) {
  return std::const_pointer_cast<Graph>(graph);
}

std::optional<Labels> make_labels(const std::optional<py::list>& names) {
  if (!names) return std::nullopt;
  Labels labels;
  for (const py::handle name : *names) {
    Py_ssize_t size = 0;
    const char* const text = PyUnicode_AsUTF8AndSize(name.ptr(), &size);
    if (text == nullptr) throw py::error_already_set();
    const std::uint32_t before = labels.size();
    const std::string_view view(text, static_cast<std::size_t>(size));
    if (labels.intern(view) != before) {
      throw Error(ErrorKind::kGraph,
                  "two nodes have the label '" + std::string(view) + "'; labels must be unique");
    }
  }
  return labels;
}

// An empty span means no weights in the core, so that an array of the wrong length is refused here.
std::span<const double> values(const std::optional<py::array_t<double>>& weight, const py::array& targets) {
  if (!weight) return {};
  if (weight->size() != targets.size()) {
    throw Error(ErrorKind::kGraph, "there are " + std::to_string(targets.size()) + " edges but " +
                                       std::to_string(weight->size()) + " weights");
  }
  return {weight->data(), static_cast<std::size_t>(weight->size())};
}

Shared from_edges(const py::array& src, const py::array& dst,
                  const std::optional<py::array_t<double>>& weight, std::optional<std::uint64_t> num_nodes,
                  const std::optional<py::list>& labels) {
  const NodeNumbers sources(src, "src");
  const NodeNumbers targets(dst, "dst");
  const EdgeSpan edges{sources.view(), targets.view(), values(weight, dst)};
  std::optional<Labels> table = make_labels(labels);
  py::gil_scoped_release unlocked;
  return shared(Graph::from_edges(edges, num_nodes, std::move(table)));
}

Shared from_csr(const py::array_t<std::uint64_t>& offsets, const py::array& targets,
                const std::optional<py::array_t<double>>& weight, const std::optional<py::list>& labels) {
  const NodeNumbers numbers(targets, "indices");
  const std::span<const std::uint64_t> bounds(offsets.data(), static_cast<std::size_t>(offsets.size()));
  const std::span<const double> weights = values(weight, targets);
  std::optional<Labels> table = make_labels(labels);
  py::gil_scoped_release unlocked;
  return shared(Graph::from_csr(copied(bounds), copied(numbers.view()), copied(weights), std::move(table)));
}

// A read-only array over the graph's memory, which keeps the graph alive.
template <class T>
py::array view(const py::object& graph, std::span<const T> values) {
  py::array_t<T> array({static_cast<py::ssize_t>(values.size())}, {sizeof(T)}, values.data(), graph);
  py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

py::array bytes_view(const py::object& graph, std::string_view bytes) {
  return view(graph, std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

// The saved form, in pieces that lie in the graph.
py::list saved(const py::object& self) {
  const auto& graph = self.cast<const Graph&>();
  const SavedHeader header = [&graph] {
    py::gil_scoped_release unlocked;
    return saved_header(graph);
  }();
  py::list parts;
  parts.append(py::bytes(reinterpret_cast<const char*>(&header), sizeof(header)));
  for (const std::string_view section : saved_sections(graph)) {
    parts.append(bytes_view(self, section));
    parts.append(py::bytes(std::string(saved_filling(section.size()), '\0')));
  }
  return parts;
}

const Labels& labels_of(const Graph& graph) {
  if (graph.labels() == nullptr) throw Error(ErrorKind::kGraph, "the graph has no labels");
  return *graph.labels();
}

std::string_view label(const Graph& graph, std::uint32_t node) {
  if (node >= graph.num_nodes()) throw py::index_error("node " + std::to_string(node));
  return labels_of(graph)[node];
}

py::list labels(const Graph& graph) {
  const Labels& table = labels_of(graph);
  py::list names(table.size());
  for (std::uint32_t node = 0; node < table.size(); ++node) names[node] = py::str(table[node]);
  return names;
}

void feed(GraphReader& reader, const py::buffer& chunk) {
  const py::buffer_info bytes = chunk.request();
  const auto size = static_cast<std::size_t>(bytes.size * bytes.itemsize);
  py::gil_scoped_release unlocked;
  reader.feed({static_cast<const char*>(bytes.ptr), size});
}

}  // namespace

void init_graph(py::module_& module) {
  py::class_<Graph, Shared>(module, "Graph")
      .def_static("from_edges", &from_edges, py::arg("src"), py::arg("dst"), py::arg("weight"),
                  py::arg("num_nodes"), py::arg("labels"))
      .def_static("from_csr", &from_csr, py::arg("offsets"), py::arg("targets"), py::arg("weight"),
                  py::arg("labels"))
      .def_property_readonly("num_nodes", &Graph::num_nodes)
      .def_property_readonly("num_edges", &Graph::num_edges)
      .def_property_readonly("has_labels", [](const Graph& graph) { return graph.labels() != nullptr; })
      .def("labels", &labels)
      .def("label", &label, py::arg("node"))
      .def(
          "find", [](const Graph& graph, std::string_view name) { return labels_of(graph).find(name); },
          py::arg("name"))
      .def("saved", &saved)
      .def_property_readonly(
          "offsets", [](const py::object& self) { return view(self, self.cast<const Graph&>().offsets()); })
      .def_property_readonly(
          "targets", [](const py::object& self) { return view(self, self.cast<const Graph&>().targets()); })
      .def_property_readonly("weights", [](const py::object& self) -> std::optional<py::array> {
        const auto& graph = self.cast<const Graph&>();
        if (!graph.has_weights()) return std::nullopt;
        return view(self, graph.weights());
      });

  py::native_enum<GraphFormat>(module, "GraphFormat", "enum.Enum")
      .value("mtx", GraphFormat::kMatrixMarket)
      .value("edges", GraphFormat::kEdgeList)
      .value("table", GraphFormat::kTable)
      .value("sg", GraphFormat::kSerialized)
      .value("wsg", GraphFormat::kWeightedSerialized)
      .value("rwg", GraphFormat::kSaved)
      .finalize();

  py::class_<GraphReader>(module, "GraphReader")
      .def(py::init([](GraphFormat format, std::string name, std::optional<std::uint64_t> bytes,
                       std::optional<bool> directed, std::optional<bool> weighted,
                       std::optional<bool> compact, std::optional<bool> header, char delimiter) {
             return make_graph_reader(
                 format, {std::move(name), bytes, directed, weighted, compact, header, delimiter});
           }),
           py::arg("format"), py::arg("name"), py::kw_only(), py::arg("bytes") = std::nullopt,
           py::arg("directed") = std::nullopt, py::arg("weighted") = std::nullopt,
           py::arg("compact") = std::nullopt, py::arg("header") = std::nullopt, py::arg("delimiter") = '\0')
      .def("feed", &feed, py::arg("chunk"))
      .def("finish", [](GraphReader& reader) {
        py::gil_scoped_release unlocked;
        return shared(reader.finish());
      });
  module.def("sniff_graph_format", &sniff_graph_format, py::arg("beginning"));
}

}  // namespace ringway::bindings
