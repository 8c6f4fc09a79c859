// Named queues. What may wait tries first with the GIL held, and waits without it.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/message.h"
#include "bindings/message_io.h"
#include "bindings/named_queue_options.h"
#include "bindings/seconds.h"
#include "bindings/slots.h"
#include "bindings/waiting_call.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

using Side = NamedQueue::Side;
using SharedQueue = std::shared_ptr<NamedQueue>;
constexpr std::size_t kCopyUnlocked = 4096;  // bytes from which a copy runs without the GIL

// What a queue is to carry: None, the class bytes, a message class, or a dtype as (description, bytes).
void set_type(NamedQueueOptions* options, const py::object& message) {
  if (message.is_none()) return;
  QueueType& type = options->type;
  if (message.ptr() == reinterpret_cast<PyObject*>(&PyBytes_Type)) {
    type.content = Content::kBytes;
  } else if (py::isinstance<py::tuple>(message)) {
    const auto record = message.cast<std::pair<std::string, u32>>();
    type.content = Content::kRecord;
    type.name = record.first;
    options->max_message = type.fixed_size = record.second;
  } else {
    const MessageType& known = message_type(message);
    type.content = Content::kMessage;
    type.name = known.name;
    type.type_id = known.type_id;
    type.fixed_size = u32(known.fixed_size);
    options->variable = known.variable_length;
    options->max_message = u32(std::min<std::uint64_t>(known.max_size, kMaxMessage));
  }
}

// Queues of no runtime.
std::vector<std::weak_ptr<NamedQueue>>& alone() {
  static std::vector<std::weak_ptr<NamedQueue>> all;
  return all;
}

void close(NamedQueue& queue, bool discard) {
  queue.close(discard);
  if (!queue.forked()) WaitingCall::let_return(&queue);
}

SharedQueue open(Runtime* runtime, const std::string& name, const py::object& message, std::int64_t capacity,
                 std::int64_t slot_size, const std::string& policy, double block_timeout,
                 std::int64_t dead_letters) {
  NamedQueueOptions options =
      named_queue_options(name, message, capacity, slot_size, policy, block_timeout, dead_letters);
  if (runtime) return runtime->open_queue(std::move(options));
  static u64 next_number = 0;
  if (name.empty()) options.name = "queue-" + std::to_string(next_number++);
  SharedQueue queue = make_named_queue(options);
  close_at_exit(queue);
  return queue;
}

// At exit: so that no daemon thread is left waiting in one.
void close_alone() {
  for (const auto& kept : alone()) {
    if (const SharedQueue queue = kept.lock()) close(*queue, true);
  }
}

const char* content_name(const NamedQueue& queue) {
  switch (queue.type().content) {
    case Content::kAny: return "any";
    case Content::kBytes: return "bytes";
    case Content::kMessage: return "message";
    case Content::kRecord: return "record";
  }
  return "";
}

void check_wanted(const NamedQueue& queue, const Wanted& wanted) {
  auto given = [](py::handle argument) { return argument && !argument.is_none(); };
  if (queue.type().content == Content::kAny ||
      !(given(wanted.priority) || given(wanted.ttl) || given(wanted.message_id))) {
    return;
  }
  throw Error(
      ErrorKind::kInvalidOption,
      "queue '" + queue.name() + "' carries " + (queue.type().name.empty() ? "bytes" : queue.type().name) +
          " without envelopes, so that priority, ttl and message_id have no place; leave them out, or "
          "create it with message=None");
}

// Encodes, checks, and calls `put` with the parts of a slot.
template <class Put>
auto with_parts(NamedQueue& queue, const py::object& message, const Wanted& wanted, Put put) {
  Outgoing out;
  check_wanted(queue, wanted);
  encode(message, wanted, &out);
  queue.check_message(out.envelope.type_id, *out.type_name, out.body.size());
  const Part body{out.body.data(), out.body.size()};
  if (queue.type().content != Content::kAny) return put({body});
  return put({{&out.envelope, sizeof(out.envelope)}, body});
}

using Parts = std::initializer_list<Part>;

bool send(NamedQueue& queue, const py::object& message, const py::object& timeout, py::handle priority,
          py::handle ttl, py::handle message_id) {
  return with_parts(queue, message, {priority, ttl, message_id}, [&](Parts parts) {
    const NamedQueue::Offer made = queue.try_send(parts);
    if (made != NamedQueue::Offer::kFull) return made == NamedQueue::Offer::kSent;
    const Patience patience = queue.patience(seconds_of(timeout), signal_check());
    const WaitingCall call(&queue);
    return queue.send(parts, patience);
  });
}

// None: no room for now.
std::optional<bool> try_send(NamedQueue& queue, const py::object& message, py::handle priority,
                             py::handle ttl, py::handle message_id) {
  return with_parts(queue, message, {priority, ttl, message_id}, [&](Parts parts) -> std::optional<bool> {
    const NamedQueue::Offer made = queue.try_send(parts);
    if (made == NamedQueue::Offer::kFull) {
      if (queue.queue().options().policy == Backpressure::kReject) queue.refuse(1, queue.patience(0));
      return std::nullopt;
    }
    return made == NamedQueue::Offer::kSent;
  });
}

py::object decode_message(const NamedQueue& queue, const std::vector<u8>& message) {
  const QueueType& type = queue.type();
  Envelope envelope{};
  std::span<const u8> body = message;
  if (type.content == Content::kAny) {
    if (body.size() < sizeof(envelope)) {
      throw Error(ErrorKind::kLayout, "a message of queue '" + queue.name() + "' has no envelope");
    }
    std::memcpy(&envelope, body.data(), sizeof(envelope));
    body = body.subspan(sizeof(envelope));
  } else {
    envelope.type_id = type.type_id;
  }
  return decode(envelope, body);
}

[[noreturn]] void throw_timeout(const NamedQueue& queue, double seconds) {
  throw Error(ErrorKind::kTimeout, "queue '" + queue.name() + "' got no message within " + text_of(seconds) +
                                       " s" + queue.held_up());
}

// Calls `attempt` until it returns true, waiting without the GIL.
template <class Attempt>
void wait_for_message(NamedQueue& queue, const py::object& timeout, Attempt attempt) {
  const double seconds = seconds_or_forever(timeout);
  const Check check = signal_check();
  bool received = false;
  {
    const WaitingCall call(&queue);
    received = queue.wait(Side::kReceive, Wait::seconds(seconds, check), attempt);
  }
  if (!received) throw_timeout(queue, seconds);
}

py::object receive(NamedQueue& queue, const py::object& timeout) {
  std::vector<u8> message;
  if (!queue.try_receive(&message)) {
    wait_for_message(queue, timeout, [&] { return queue.try_receive(&message); });
  }
  return decode_message(queue, message);
}

py::object try_receive(NamedQueue& queue) {
  std::vector<u8> message;
  return queue.try_receive(&message) ? decode_message(queue, message) : py::none();
}

// A one-dimensional array of the queue's messages; any stride.
struct Records {
  u8* first;
  std::ptrdiff_t stride;
  u32 count;

  Records(const NamedQueue& queue, const char* verb, const py::array& array) {
    queue.check_fixed(verb);
    if (array.ndim() != 1 || array.itemsize() != py::ssize_t(queue.type().fixed_size)) {
      throw Error(ErrorKind::kTypeMismatch,
                  std::string(verb) + " takes an array of one dimension of " + queue.type().name + " (" +
                      std::to_string(queue.type().fixed_size) + " bytes each); this one has " +
                      std::to_string(array.ndim()) + " dimensions of " + std::to_string(array.itemsize()) +
                      " bytes each");
    }
    if (array.shape(0) > py::ssize_t(~0U)) {
      throw Error(ErrorKind::kInvalidOption,
                  std::string(verb) + " takes at most 4294967295 messages at once");
    }
    first = static_cast<u8*>(const_cast<void*>(array.data()));
    stride = array.strides(0);
    count = u32(array.shape(0));
  }
};

// As many as can be sent without a wait: how many are done, and how many of these were dropped.
std::pair<u32, u32> try_send_many(NamedQueue& queue, const py::array& array) {
  const Records from(queue, "send_many", array);
  u32 dropped = 0;
  std::optional<py::gil_scoped_release> unlocked;
  if (std::size_t(from.count) * queue.type().fixed_size >= kCopyUnlocked) unlocked.emplace();
  const u32 done = queue.try_send_many(from.first, from.stride, from.count, &dropped);
  return {done, dropped};
}

// How many were sent, and how many are left over: no room within the time-out, counted from the last message sent.
std::pair<u32, u32> send_many(NamedQueue& queue, const py::array& array, const py::object& timeout) {
  auto [done, dropped] = try_send_many(queue, array);
  const Records from(queue, "send_many", array);
  if (done < from.count && queue.queue().options().policy == Backpressure::kBlock) {
    const Patience patience = queue.patience(seconds_of(timeout), signal_check());
    const WaitingCall call(&queue);
    for (u32 more = 1; more && done < from.count; done += more) {
      more = 0;
      queue.wait(Side::kSend, Wait::seconds(patience.seconds, patience.check),
                 [&, &done = done, &dropped = dropped] {
                   more = queue.try_send_many(from.first + from.stride * done, from.stride, from.count - done,
                                              &dropped);
                   return more != 0;
                 });
    }
  }
  return {done - dropped, from.count - done};
}

void refuse(NamedQueue& queue, u64 messages, const py::object& timeout) {
  queue.refuse(messages, queue.patience(seconds_of(timeout)));
}

Records output(const NamedQueue& queue, const py::array& array) {
  if (!array.writeable()) {
    throw Error(ErrorKind::kInvalidOption, "receive_many cannot write to its `out`: the array is read-only");
  }
  return Records(queue, "receive_many", array);
}

u32 least_of(const NamedQueue& queue, std::int64_t least, u32 most) {
  most = std::min(most, queue.queue().ring().capacity);
  if (least >= 1 && least <= most) return u32(least);
  throw Error(ErrorKind::kInvalidOption, "least is " + std::to_string(least) + "; of queue '" + queue.name() +
                                             "' it must be 1 to " + std::to_string(most) + " messages");
}

u32 try_receive_many(NamedQueue& queue, const py::array& array, std::int64_t least) {
  const Records to = output(queue, array);
  if (!queue.has(least_of(queue, least, to.count))) return 0;
  std::optional<py::gil_scoped_release> unlocked;
  if (std::size_t(to.count) * queue.type().fixed_size >= kCopyUnlocked) unlocked.emplace();
  return queue.try_receive_many(to.first, to.stride, to.count);
}

// Waits for `least` messages, and takes what else is there.
u32 receive_many(NamedQueue& queue, const py::array& array, std::int64_t least, const py::object& timeout) {
  u32 done = try_receive_many(queue, array, least);
  if (done) return done;
  const Records to = output(queue, array);
  wait_for_message(queue, timeout, [&] {
    return queue.has(u32(least)) && (done = queue.try_receive_many(to.first, to.stride, to.count)) != 0;
  });
  return done;
}

u32 run_of(const char* verb, std::int64_t n) {
  if (n >= 1 && n <= kMaxCapacity) return u32(n);
  throw Error(ErrorKind::kInvalidOption,
              std::string(verb) + " of " + std::to_string(n) + " slots: it must be 1 to 1048576");
}

using Held = std::shared_ptr<Slots>;

Held try_reserve(const SharedQueue& queue, std::int64_t n) {
  if (queue->type().content != Content::kBytes) queue->check_fixed("reserve");
  const u32 most = run_of("reserve", n);
  auto held = std::make_shared<Slots>(queue, Side::kSend, most);
  return held->hold(queue->try_reserve(most)) ? held : nullptr;
}

Held reserve(const SharedQueue& queue, std::int64_t n, const py::object& timeout) {
  if (Held held = try_reserve(queue, n)) return held;
  const Patience patience = queue->patience(seconds_of(timeout), signal_check());
  auto held = std::make_shared<Slots>(queue, Side::kSend, u32(n));
  bool holds = false;
  if (queue->queue().options().policy == Backpressure::kBlock) {
    const WaitingCall call(queue.get());
    holds = queue->wait(Side::kSend, Wait::seconds(patience.seconds, patience.check),
                        [&] { return held->hold(queue->try_reserve(u32(n))); });
  }
  if (!holds) queue->refuse(1, patience);
  return held;
}

Held try_peek(const SharedQueue& queue, std::int64_t n, std::int64_t least) {
  if (queue->type().content != Content::kBytes) queue->check_fixed("peek");
  const u32 most = run_of("peek", n);
  if (!queue->has(least_of(*queue, least, most))) return nullptr;
  auto held = std::make_shared<Slots>(queue, Side::kReceive, most);
  return held->hold(queue->try_peek(most)) ? held : nullptr;
}

Held peek(const SharedQueue& queue, std::int64_t n, std::int64_t least, const py::object& timeout) {
  if (Held held = try_peek(queue, n, least)) return held;
  auto held = std::make_shared<Slots>(queue, Side::kReceive, u32(n));
  wait_for_message(*queue, timeout,
                   [&] { return queue->has(u32(least)) && held->hold(queue->try_peek(u32(n))); });
  return held;
}

}  // namespace

NamedQueueOptions named_queue_options(const std::string& name, const py::object& message,
                                      std::int64_t capacity, std::int64_t slot_size,
                                      const std::string& policy, double block_timeout,
                                      std::int64_t dead_letters) {
  NamedQueueOptions options;
  options.dead_letters = dead_letters;
  options.name = name;
  set_type(&options, message);
  options.capacity = capacity;
  options.slot_size = slot_size;
  options.policy = policy_named(policy);
  options.block_timeout = block_timeout;
  return options;
}

void close_at_exit(const std::shared_ptr<NamedQueue>& queue) {
  std::erase_if(alone(), [](const auto& other) { return other.expired(); });
  alone().push_back(queue);
}

void init_queue(py::module_& module) {
  py::class_<NamedQueue, SharedQueue>(module, "Queue")
      .def_property_readonly("name", &NamedQueue::name)
      .def_property_readonly("content", &content_name)
      .def_property_readonly("type_name",
                             [](const NamedQueue& queue) { return text_of_bytes(queue.type().name); })
      .def_property_readonly("type_id", [](const NamedQueue& queue) { return queue.type().type_id; })
      .def_property_readonly("fixed_size", [](const NamedQueue& queue) { return queue.type().fixed_size; })
      .def_property_readonly("capacity",
                             [](const NamedQueue& queue) { return queue.queue().ring().capacity; })
      .def_property_readonly("max_message", &NamedQueue::max_message)
      .def_property_readonly(
          "blocks",
          [](const NamedQueue& queue) { return queue.queue().options().policy == Backpressure::kBlock; })
      .def_property_readonly("block_timeout", &NamedQueue::block_timeout)
      .def_property_readonly("closed", &NamedQueue::shut)
      .def_property_readonly("depth", [](const NamedQueue& queue) { return queue.counts().depth; })
      .def("counts", &NamedQueue::counts)
      .def("telemetry", &NamedQueue::telemetry)
      .def("reset_telemetry", &NamedQueue::reset_telemetry)
      .def_property("telemetry_enabled", &NamedQueue::telemetry_enabled, &NamedQueue::enable_telemetry)
      .def("held_up", &NamedQueue::held_up)
      .def("send", &send, py::arg("message"), py::arg("timeout"), py::arg("priority") = py::none(),
           py::arg("ttl") = py::none(), py::arg("message_id") = py::none())
      .def("try_send", &try_send, py::arg("message"), py::arg("priority") = py::none(),
           py::arg("ttl") = py::none(), py::arg("message_id") = py::none())
      .def("receive", &receive, py::arg("timeout"))
      .def("try_receive", &try_receive)
      .def("send_many", &send_many, py::arg("array"), py::arg("timeout"))
      .def("try_send_many", &try_send_many, py::arg("array"))
      .def(
          "patience",
          [](const NamedQueue& queue, const py::object& timeout) {
            return queue.patience(seconds_of(timeout)).seconds;
          },
          py::arg("timeout"))
      .def("refuse", &refuse, py::arg("messages"), py::arg("timeout"))
      .def("receive_many", &receive_many, py::arg("out"), py::arg("least"), py::arg("timeout"))
      .def("try_receive_many", &try_receive_many, py::arg("out"), py::arg("least"))
      .def("reserve", &reserve, py::arg("n"), py::arg("timeout"))
      .def("try_reserve", &try_reserve, py::arg("n"))
      .def("peek", &peek, py::arg("n"), py::arg("least"), py::arg("timeout"))
      .def("try_peek", &try_peek, py::arg("n"), py::arg("least"))
      .def("end", &NamedQueue::end)
      .def("close", &close, py::arg("discard"));
  module.def("open_queue", &open, py::arg("runtime"), py::arg("name"), py::arg("message"),
             py::arg("capacity"), py::arg("slot_size"), py::arg("policy"), py::arg("block_timeout"),
             py::arg("dead_letters"));
  module.def("close_queues", &close_alone);
}

}  // namespace ringway::bindings
