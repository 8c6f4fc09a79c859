// Queues between processes.
#include "core/shared_queue.h"

#include <pybind11/stl.h>

#include <memory>
#include <string>

#include "bindings/bindings.h"
#include "bindings/named_queue_options.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

using Shared = std::shared_ptr<ringway::SharedQueue>;

using SharedRuntime = std::shared_ptr<Runtime>;

// In the namespace of `runtime`, or of none when it is null.
template <class Make>
Shared open(const SharedRuntime& runtime, const NamedQueueOptions& options, Make make) {
  Shared queue;
  {
    py::gil_scoped_release unlocked;
    if (runtime) {
      runtime->open_queue(options, [&](const NamedQueueOptions& asked) { return queue = make(asked); });
    } else {
      queue = make(options);
    }
  }
  close_at_exit(queue);
  return queue;
}

Shared create(const SharedRuntime& runtime, const std::string& name, const py::object& message,
              std::int64_t capacity, std::int64_t slot_size, const std::string& policy, double block_timeout,
              std::int64_t dead_letters, bool reclaim, u32 mode) {
  SharedMemory::check_name(name);
  return open(
      runtime, named_queue_options(name, message, capacity, slot_size, policy, block_timeout, dead_letters),
      [&](const NamedQueueOptions& asked) { return ringway::SharedQueue::create(asked, reclaim, mode); });
}

Shared attach(const SharedRuntime& runtime, const std::string& name, double block_timeout,
              std::int64_t dead_letters, u32 mode) {
  SharedMemory::check_name(name);
  NamedQueueOptions options;
  options.name = name;
  options.block_timeout = block_timeout;
  options.dead_letters = dead_letters;
  slots_for(options);  // checks
  return open(runtime, options, [&](const NamedQueueOptions& asked) {
    return ringway::SharedQueue::attach(asked.name, asked.block_timeout, mode, u32(asked.dead_letters));
  });
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
    one["ended"] = info.ended;
    one["mode"] = info.mode;
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
      .def_property_readonly("mode", &ringway::SharedQueue::mode)
      .def_static("create", &create, py::arg("runtime"), py::arg("name"), py::arg("message"),
                  py::arg("capacity"), py::arg("slot_size"), py::arg("policy"), py::arg("block_timeout"),
                  py::arg("dead_letters"), py::arg("reclaim"), py::arg("mode"))
      .def_static("attach", &attach, py::arg("runtime"), py::arg("name"), py::arg("block_timeout"),
                  py::arg("dead_letters"), py::arg("mode"));
  module.def("list_shared_queues", &list);
  module.def("remove_shared_queue", &remove_shared_queue, py::arg("name"),
             py::call_guard<py::gil_scoped_release>());
}

}  // namespace ringway::bindings
