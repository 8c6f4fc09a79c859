// The init functions of the extension module, one per file of this folder.
#pragma once
#include <pybind11/pybind11.h>

#include <exception>
#include <string_view>

namespace ringway::bindings {

namespace py = pybind11;

// For functions outside pybind11's dispatch: the Python exception that stands for a C++ one.
void set_python_error(std::exception_ptr pending);

// Text that may hold any bytes: of a file's name, or written by a peer into shared memory.
py::str text_of_bytes(std::string_view bytes);

void init_centrality(py::module_& module);
void init_codec(py::module_& module);
void init_dispatch(py::module_& module);
void init_dead_letters(py::module_& module);
void init_event_port(py::module_& module);
void init_errors(py::module_& module);
void init_feed(py::module_& module);
void init_graph(py::module_& module);
void init_kernel_arrays(py::module_& module);
void init_kernel_group(py::module_& module);
void init_log(py::module_& module);
void init_message(py::module_& module);
void init_message_base(py::module_& module);
void init_pagerank(py::module_& module);
void init_queue(py::module_& module);
void init_queue_port(py::module_& module);
void init_queue_telemetry(py::module_& module);
void init_record(py::module_& module);
void init_runtime(py::module_& module);
void init_selftest(py::module_& module);
void init_shared_queue(py::module_& module);
void init_slots(py::module_& module);
void init_telemetry(py::module_& module);
void init_trace(py::module_& module);
void init_user_kernels(py::module_& module);

}  // namespace ringway::bindings
