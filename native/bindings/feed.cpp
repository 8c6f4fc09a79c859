// Feeds between named queues and kernels, and topics, which feed many.
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
using SharedTopic = std::shared_ptr<Topic>;
using Unlocked = py::call_guard<py::gil_scoped_release>;

// Where the fields of an envelope are in what the queue carries.
BodyFields fields_of(const NamedQueue& queue) {
  if (queue.type().content != Content::kMessage) return {};
  const py::object type = message_class_of(queue.type().type_id);
  return type ? body_fields(message_type(type)) : BodyFields{};
}

SharedFeed start_feed(Runtime& runtime, const std::shared_ptr<NamedQueue>& queue,
                      const std::shared_ptr<Kernel>& kernel, bool to_kernel) {
  const BodyFields fields = to_kernel ? fields_of(*queue) : BodyFields{};
  const WaitingCall call(&runtime);
  return runtime.feed(to_kernel ? Feed::Direction::kToKernel : Feed::Direction::kToQueue, queue, kernel,
                      fields);
}

SharedTopic start_topic(Runtime& runtime, const std::shared_ptr<NamedQueue>& queue) {
  const BodyFields fields = fields_of(*queue);
  const WaitingCall call(&runtime);
  return runtime.topic(queue, fields);
}

template <class Mover>
bool wait(Mover& mover, const void* ends_with, const py::object& timeout) {
  const Check check = signal_check();
  const double seconds = seconds_or_forever(timeout);
  const WaitingCall call(ends_with);
  return mover.wait(Wait::seconds(seconds, check));
}

py::list subscribers_of(Topic& topic) {
  py::list names;
  for (const auto& kernel : topic.subscribers()) names.append(kernel->name());
  return names;
}

}  // namespace

void init_feed(py::module_& module) {
  py::class_<Feed, SharedFeed>(module, "Feed")
      .def("stop", &Feed::stop, Unlocked())
      .def(
          "wait",
          [](Feed& feed, const py::object& timeout) {
            return wait(feed, &feed.kernel()->runtime(), timeout);
          },
          py::arg("timeout"))
      .def_property_readonly("queue", [](const Feed& feed) { return feed.queue()->name(); })
      .def_property_readonly("kernel", [](const Feed& feed) { return feed.kernel()->name(); })
      .def_property_readonly("to_kernel",
                             [](const Feed& feed) { return feed.direction() == Feed::Direction::kToKernel; })
      .def_property_readonly("done", &Feed::done)
      .def_property_readonly("why", &Feed::why)
      .def_property_readonly("moved", &Feed::moved)
      .def_property_readonly("refused", &Feed::refused);
  module.def("start_feed", &start_feed, py::arg("runtime"), py::arg("queue"), py::arg("kernel"),
             py::arg("to_kernel"));
  py::class_<Topic, SharedTopic>(module, "Topic")
      .def(
          "subscribe",
          [](const SharedTopic& topic, Runtime& runtime, const std::shared_ptr<Kernel>& kernel) {
            const WaitingCall call(&runtime);
            runtime.subscribe(*topic, kernel);
          },
          py::arg("runtime"), py::arg("kernel"))
      .def("unsubscribe", &Topic::unsubscribe, py::arg("kernel"), Unlocked())
      .def_property_readonly("subscribers", &subscribers_of)
      .def("stop", &Topic::stop, Unlocked())
      .def(
          "wait",
          [](Topic& topic, const py::object& timeout) { return wait(topic, topic.queue().get(), timeout); },
          py::arg("timeout"))
      .def_property_readonly("queue", [](const Topic& topic) { return topic.queue()->name(); })
      .def_property_readonly("done", &Topic::done)
      .def_property_readonly("why", &Topic::why)
      .def_property_readonly("taken", &Topic::taken)
      .def_property_readonly("delivered", &Topic::delivered)
      .def_property_readonly("unheard", &Topic::unheard)
      .def_property_readonly("refused", &Topic::refused);
  module.def("start_topic", &start_topic, py::arg("runtime"), py::arg("queue"));
}

}  // namespace ringway::bindings
