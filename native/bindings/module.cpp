#include "bindings/bindings.h"
#include "core/version.h"

namespace ringway::bindings {

PYBIND11_MODULE(_core, module) {
  module.doc() = "ringway's native core. Use the package `ringway`; this module has no stable interface.";
  module.attr("__version__") = ringway::version();
  module.attr("compiler") = ringway::compiler();
  init_errors(module);
  init_centrality(module);
  init_codec(module);
  init_graph(module);
  init_message(module);
  init_pagerank(module);
  init_slots(module);
  init_telemetry(module);
  init_queue_telemetry(module);
  init_queue(module);
  init_queue_port(module);
  init_log(module);
  init_user_kernels(module);
  init_runtime(module);
  init_event_port(module);
  init_record(module);
  init_trace(module);
  init_dispatch(module);
  init_dead_letters(module);
  init_feed(module);
  init_kernel_arrays(module);
  init_kernel_group(module);
  init_selftest(module);
  init_shared_queue(module);
}

}  // namespace ringway::bindings
