// How an event loop waits for queues: one file descriptor, and a token for each wait.
#include <pybind11/stl.h>

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "core/named_queue.h"

namespace ringway::bindings {
namespace {

class QueuePort {
 public:
  QueuePort() = default;
  ~QueuePort() {
    for (auto& [token, watch] : watches_) watch->queue->unwatch(watch->side, &watch->node);
  }
  QueuePort(const QueuePort&) = delete;
  QueuePort& operator=(const QueuePort&) = delete;

  int fd() const { return port_.fd(); }

  // `token` comes from take() once there may be room (`sends`), or a message, that comes after this.
  void watch(std::shared_ptr<NamedQueue> queue, bool sends, u64 token) {
    auto made = std::make_unique<Watch>();
    made->node.port = &port_;
    made->node.token = token;
    made->side = sends ? NamedQueue::Side::kSend : NamedQueue::Side::kReceive;
    made->queue = std::move(queue);
    Watch& watch = *watches_.emplace(token, std::move(made)).first->second;
    watch.queue->watch(watch.side, &watch.node);
  }

  // The token may still come when it is on its way.
  void withdraw(u64 token) {
    const auto found = watches_.find(token);
    if (found == watches_.end()) return;
    Watch& watch = *found->second;
    if (watch.queue->unwatch(watch.side, &watch.node)) watches_.erase(found);
  }

  std::vector<std::uint64_t> take() {
    const auto tokens = port_.take();
    for (const auto token : tokens) watches_.erase(token);
    return tokens;
  }

 private:
  struct Watch {
    Completion node;
    std::shared_ptr<NamedQueue> queue;
    NamedQueue::Side side;
  };
  CompletionPort port_;
  std::unordered_map<u64, std::unique_ptr<Watch>> watches_;
};

}  // namespace

void init_queue_port(py::module_& module) {
  py::class_<QueuePort>(module, "QueuePort")
      .def(py::init<>())
      .def("fileno", &QueuePort::fd)
      .def("watch", &QueuePort::watch, py::arg("queue"), py::arg("sends"), py::arg("token"))
      .def("withdraw", &QueuePort::withdraw, py::arg("token"))
      .def("take", &QueuePort::take);
}

}  // namespace ringway::bindings
