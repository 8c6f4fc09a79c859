// Feeds between named queues and kernels.
#include "core/feed.h"

#include "bindings/bindings.h"
#include "bindings/message.h"
#include "bindings/message_io.h"
#include "bindings/seconds.h"
#include "bindings/waiting_call.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

using SharedFeed = std::shared_ptr<Feed>;

SharedFeed start(Runtime& runtime, const std::shared_ptr<NamedQueue>& queue,
                 const std::shared_ptr<Kernel>& kernel, bool to_kernel) {
  BodyFields fields;
  if (to_kernel && queue->type().content == Content::kMessage) {
    const py::object type = message_class_of(queue->type().type_id);
    if (type) fields = body_fields(message_type(type));
  }
  const WaitingCall call(&runtime);
  return runtime.feed(to_kernel ? Feed::Direction::kToKernel : Feed::Direction::kToQueue, queue, kernel,
                      fields);
}

bool wait(Feed& feed, const py::object& timeout) {
  const Check check = signal_check();
  const double seconds = seconds_or_forever(timeout);
  const WaitingCall call(&feed.kernel()->runtime());
  return feed.wait(Wait::seconds(seconds, check));
}

}  // namespace

void init_feed(py::module_& module) {
  py::class_<Feed, SharedFeed>(module, "Feed")
      .def("stop", &Feed::stop, py::call_guard<py::gil_scoped_release>())
      .def("wait", &wait, py::arg("timeout"))
      .def_property_readonly("queue", [](const Feed& feed) { return feed.queue()->name(); })
      .def_property_readonly("kernel", [](const Feed& feed) { return feed.kernel()->name(); })
      .def_property_readonly("to_kernel",
                             [](const Feed& feed) { return feed.direction() == Feed::Direction::kToKernel; })
      .def_property_readonly("done", &Feed::done)
      .def_property_readonly("why", &Feed::why)
      .def_property_readonly("moved", &Feed::moved)
      .def_property_readonly("refused", &Feed::refused);
  module.def("start_feed", &start, py::arg("runtime"), py::arg("queue"), py::arg("kernel"),
             py::arg("to_kernel"));
}

}  // namespace ringway::bindings
