// A trace as NumPy arrays of its events.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

template <class Event>
py::tuple events_of(const Tracer::Kept<Event>& kept) {
  return py::make_tuple(py::array_t<Event>(py::ssize_t(kept.events.size()), kept.events.data()),
                        kept.dropped);
}

// (names by endpoint, for each worker (turns, dropped, passages, dropped))
py::tuple stop(Runtime& runtime) {
  Tracer::Trace trace;
  {
    py::gil_scoped_release unlocked;
    trace = runtime.stop_trace();
  }
  py::list tracks;
  for (const Tracer::Track& track : trace.tracks) {
    tracks.append(events_of(track.turns) + events_of(track.passages));
  }
  return py::make_tuple(trace.kernels, tracks);
}

}  // namespace

void init_trace(py::module_& module) {
  PYBIND11_NUMPY_DTYPE(Tracer::Turn, began, ended, kernel, messages, sent, depth);
  PYBIND11_NUMPY_DTYPE(Tracer::Passage, sent, handled, from, to);
  module.def("start_trace", &Runtime::start_trace, py::arg("runtime"), py::arg("events"),
             py::call_guard<py::gil_scoped_release>());
  module.def("stop_trace", &stop, py::arg("runtime"));
  module.def("steady_ns", &now_ns);
}

}  // namespace ringway::bindings
