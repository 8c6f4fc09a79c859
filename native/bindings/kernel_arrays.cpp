// Arrays of messages between Python and kernels.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/message.h"
#include "bindings/message_io.h"
#include "bindings/seconds.h"
#include "bindings/waiting_call.h"
#include "core/runtime.h"

namespace ringway::bindings {
namespace {

// A one-dimensional array whose dtype Python has checked, and what its records are to the kernel.
struct Records {
  u8* first;
  std::ptrdiff_t stride;
  u32 count, bytes;
  u32 type_id = 0;
  std::string type_name;
  BodyFields fields;

  Records(const py::array& array, const py::object& message)
      : first(static_cast<u8*>(const_cast<void*>(array.data()))), stride(array.strides(0)) {
    if (array.shape(0) > py::ssize_t(~0U) || array.itemsize() > py::ssize_t(kMaxMessage)) {
      throw Error(ErrorKind::kInvalidOption, "an array of at most 4294967295 messages of at most " +
                                                 std::to_string(u32(kMaxMessage)) + " bytes");
    }
    count = u32(array.shape(0));
    bytes = u32(array.itemsize());
    if (message.is_none()) return;
    const MessageType& type = message_type(message);
    type_id = type.type_id;
    type_name = type.name;
    fields = body_fields(type);
  }
};

struct Sending {
  Records from;
  Envelope envelope;

  Sending(const py::array& array, const py::object& message, py::handle priority, py::handle ttl)
      : from(array, message) {
    Outgoing out;
    encode(py::bytes(), {priority, ttl, {}}, &out);
    envelope = out.envelope;
    envelope.type_id = from.type_id;
  }
  u32 send(Kernel& kernel, u32 done, u32* dropped) const {
    return kernel.try_send_many(envelope, from.fields, from.first + from.stride * std::ptrdiff_t(done),
                                from.stride, from.count - done, from.bytes, from.type_name, dropped);
  }
};

// How many are done without a wait, and how many of these were dropped.
std::pair<u32, u32> try_send_many(Kernel& kernel, const py::array& array, const py::object& message,
                                  py::handle priority, py::handle ttl) {
  const Sending sending(array, message, priority, ttl);
  u32 dropped = 0;
  py::gil_scoped_release unlocked;
  const u32 done = sending.send(kernel, 0, &dropped);
  return {done, dropped};
}

// How many were sent, and how many are left over: no room within the time-out, counted from the last message sent.
std::pair<u32, u32> send_many(Kernel& kernel, const py::array& array, const py::object& message,
                              py::handle priority, py::handle ttl, const py::object& timeout) {
  const Sending sending(array, message, priority, ttl);
  const Patience patience = kernel.patience(seconds_of(timeout), signal_check());
  u32 dropped = 0;
  const WaitingCall call(&kernel.runtime());
  u32 done = sending.send(kernel, 0, &dropped);
  const bool waits = kernel.options().policy == Backpressure::kBlock;
  for (u32 more = 1; waits && more && done < sending.from.count; done += more) {
    more = 0;
    kernel.port().room.wait(Wait::seconds(patience.seconds, patience.check),
                            [&] { return (more = sending.send(kernel, done, &dropped)) != 0; });
  }
  return {done - dropped, sending.from.count - done};
}

[[noreturn]] void refuse_many(Kernel& kernel, u64 messages, py::handle priority, const py::object& timeout) {
  Outgoing out;
  encode(py::bytes(), {priority, {}, {}}, &out);
  kernel.refuse(out.envelope, kernel.patience(seconds_of(timeout), nullptr), messages);
}

u32 receive_some(Kernel& kernel, const Records& to) {
  return kernel.try_receive_many(to.type_id, to.type_name, to.bytes, to.first, to.stride, to.count);
}

u32 try_receive_many(Kernel& kernel, const py::array& array, const py::object& message) {
  const Records to(array, message);
  py::gil_scoped_release unlocked;
  return receive_some(kernel, to);
}

// At least one message; throws kTimeout.
u32 receive_many(Kernel& kernel, const py::array& array, const py::object& message,
                 const py::object& timeout) {
  const Records to(array, message);
  const double seconds = seconds_or_forever(timeout);
  const Check check = signal_check();
  u32 done = 0;
  {
    const WaitingCall call(&kernel.runtime());
    kernel.port().output.wait(Wait::seconds(seconds, check),
                              [&] { return (done = receive_some(kernel, to)) != 0; });
  }
  if (done) return done;
  throw Error(ErrorKind::kTimeout, "kernel '" + kernel.name() + "' (" + name_of(kernel.state()) +
                                       ") sent nothing to the host within " + text_of(seconds) + " s");
}

}  // namespace

void init_kernel_arrays(py::module_& module) {
  module.def("kernel_try_send_many", &try_send_many, py::arg("kernel"), py::arg("array"), py::arg("message"),
             py::arg("priority"), py::arg("ttl"));
  module.def("kernel_send_many", &send_many, py::arg("kernel"), py::arg("array"), py::arg("message"),
             py::arg("priority"), py::arg("ttl"), py::arg("timeout"));
  module.def("kernel_refuse_many", &refuse_many, py::arg("kernel"), py::arg("messages"), py::arg("priority"),
             py::arg("timeout"));
  module.def("kernel_try_receive_many", &try_receive_many, py::arg("kernel"), py::arg("out"),
             py::arg("message"));
  module.def("kernel_receive_many", &receive_many, py::arg("kernel"), py::arg("out"), py::arg("message"),
             py::arg("timeout"));
}

}  // namespace ringway::bindings
