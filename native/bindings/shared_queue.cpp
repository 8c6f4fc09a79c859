// Queues between processes.
#include "core/shared_queue.h"

#include <pybind11/stl.h>

#include <memory>
#include <string>

#include "bindings/bindings.h"
#include "bindings/named_queue_options.h"

namespace ringway::bindings {
namespace {

using Shared = std::shared_ptr<ringway::SharedQueue>;

Shared create(const std::string& name, const py::object& message, std::int64_t capacity,
              std::int64_t slot_size, const std::string& policy, double block_timeout, bool reclaim) {
  const NamedQueueOptions options =
      named_queue_options(name, message, capacity, slot_size, policy, block_timeout);
  Shared queue;
  {
    py::gil_scoped_release unlocked;
    queue = ringway::SharedQueue::create(options, reclaim);
  }
  close_at_exit(queue);
  return queue;
}

Shared attach(const std::string& name, double block_timeout) {
  Shared queue;
  {
    py::gil_scoped_release unlocked;
    queue = ringway::SharedQueue::attach(name, block_timeout);
  }
  close_at_exit(queue);
  return queue;
}

const char* name_of(SharedQueueInfo::State state) {
  switch (state) {
    case SharedQueueInfo::State::kLive: return "live";
    case SharedQueueInfo::State::kStale: return "stale";
    case SharedQueueInfo::State::kUnfinished: return "unfinished";
    case SharedQueueInfo::State::kDamaged: return "damaged";
  }
  return "";
}

py::list list() {
  std::vector<SharedQueueInfo> found;
  {
    py::gil_scoped_release unlocked;
    found = list_shared_queues();
  }
  py::list all;
  for (const SharedQueueInfo& info : found) {
    py::dict one;
    one["name"] = info.name;
    one["state"] = name_of(info.state);
    one["fault"] = info.fault;
    one["message"] = text_of_bytes(info.type.name);
    one["capacity"] = info.capacity;
    one["slot_size"] = info.max_message;
    one["policy"] = u32(info.policy);
    one["depth"] = info.depth;
    one["skipped"] = info.skipped;
    one["redelivered"] = info.redelivered;
    one["created"] = double(info.created_us) * 1e-6;
    one["senders"] = info.senders;
    one["receivers"] = info.receivers;
    all.append(one);
  }
  return all;
}

}  // namespace

void init_shared_queue(py::module_& module) {
  py::class_<ringway::SharedQueue, NamedQueue, Shared>(module, "SharedQueue")
      .def_static("create", &create, py::arg("name"), py::arg("message"), py::arg("capacity"),
                  py::arg("slot_size"), py::arg("policy"), py::arg("block_timeout"), py::arg("reclaim"))
      .def_static("attach", &attach, py::arg("name"), py::arg("block_timeout"));
  module.def("list_shared_queues", &list);
  module.def("remove_shared_queue", &remove_shared_queue, py::arg("name"),
             py::call_guard<py::gil_scoped_release>());
}

}  // namespace ringway::bindings
