// The init functions of the extension module, one per file of this folder.
#pragma once
#include <pybind11/pybind11.h>

namespace ringway::bindings {

namespace py = pybind11;

void init_errors(py::module_& module);
void init_graph(py::module_& module);
void init_pagerank(py::module_& module);
void init_selftest(py::module_& module);

}  // namespace ringway::bindings
