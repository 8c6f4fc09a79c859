// Devices and dispatches. Every wait runs without the GIL.
#include <pybind11/stl.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "bindings/device_buffer.h"
#include "bindings/dispatch_arguments.h"
#include "bindings/message_io.h"
#include "bindings/waiting_call.h"
#include "core/device.h"

namespace ringway::bindings {
namespace {

using SharedDevice = std::shared_ptr<Device>;

// A dispatch under way and the objects whose memory it uses.
struct Started {
  SharedDevice device;
  std::shared_ptr<DispatchJob> job;  // null: there was nothing to run
  std::vector<py::object> kept;
  std::vector<std::shared_ptr<CompletionPort>> ports;  // that the job may still push on

  bool done() const { return !job || job->done(); }
};
using SharedStarted = std::shared_ptr<Started>;

// What a caller of the dispatch's end sees; gives up the arguments, whose memory nothing uses any more.
void finish(Started& started) {
  started.kept.clear();
  if (started.job) started.job->check();
}

bool wait(Started& started, std::optional<double> timeout) {
  if (timeout && !(*timeout >= 0)) {
    throw Error(ErrorKind::kInvalidOption,
                "timeout is " + std::to_string(*timeout) + "; it must be 0 or more seconds, or None");
  }
  if (!started.done()) {
    const Check check = signal_check();
    const WaitingCall call(started.device.get());
    started.device->dispatcher().assist(*started.job, Wait::seconds(timeout.value_or(-1), check));
  }
  if (!started.done()) return false;
  finish(started);
  return true;
}

// False when it is done already.
bool cancel(Started& started) {
  if (started.done()) return false;
  started.device->check_usable();
  const py::gil_scoped_release unlocked;
  started.device->dispatcher().cancel(*started.job);
  return true;
}

class OpenDevice {
 public:
  OpenDevice(const std::string& backend, std::optional<i64> workers, i64 pool_limit) {
    if (workers && *workers < 1) {
      throw Error(ErrorKind::kInvalidOption, "workers is " + std::to_string(*workers) +
                                                 "; it must be 1 or more, or None for every core");
    }
    if (pool_limit < 0) {
      throw Error(ErrorKind::kInvalidOption,
                  "pool_limit is " + std::to_string(pool_limit) + "; it must be 0 or more bytes");
    }
    device = Device::open({backend, u32(std::min<i64>(workers.value_or(0), ~0U)), u64(pool_limit)});
  }

  DeviceBuffer allocate(const DeviceBuffer::Shape& shape, const py::object& dtype, bool hidden) {
    device->check_usable();
    const DType type = dtype_from(dtype);
    constexpr u64 kMost = u64(1) << 62;
    u64 bytes = size_of(type);
    for (const py::ssize_t length : shape) {
      if (length < 0) {
        throw Error(ErrorKind::kDispatch, "buffer: an axis has " + std::to_string(length) + " elements");
      }
      if (length && bytes > kMost / u64(length)) {
        throw Error(ErrorKind::kDispatch, "buffer: the shape has more elements than any memory");
      }
      bytes *= u64(length);
    }
    if (hidden) return DeviceBuffer::hidden(device.get(), device->take_private(bytes), shape, type);
    const std::shared_ptr<u8> memory = device->pool().take(bytes);
    return {memory, memory.get(), shape, type, true};
  }

  DeviceBuffer from_cuda_array(const py::object& array) {
    const i32 gpu = device->dispatcher().cuda_device();
    if (gpu < 0) {
      throw Error(
          ErrorKind::kDispatch,
          "__cuda_array_interface__: the array is on a GPU; kernels of this device use memory of the CPU");
    }
    return bindings::from_cuda_array(array, gpu);
  }

  // Runs to the end.
  void run(const DispatchKernel& kernel, const py::tuple& positional, const py::dict& named,
           const py::object& threads, const py::object& groups, const py::object& group,
           const py::object& threadgroup_memory) {
    const ReadArguments read =
        read_arguments(device.get(), kernel, positional, named, {threads, groups, group, threadgroup_memory},
                       device->dispatcher().cuda_device());
    const Check check = signal_check();
    const SharedDevice used = device;
    const WaitingCall call(used.get());
    used->run(read.request, check);
  }

  SharedStarted start(const DispatchKernel& kernel, const py::tuple& positional, const py::dict& named,
                      const py::object& threads, const py::object& groups, const py::object& group,
                      const py::object& threadgroup_memory) {
    // Dispatches end in order.
    while (!under_way_.empty() && under_way_.front()->done()) under_way_.pop_front();
    ReadArguments read =
        read_arguments(device.get(), kernel, positional, named, {threads, groups, group, threadgroup_memory},
                       device->dispatcher().cuda_device());
    auto started = std::make_shared<Started>();
    started->device = device;
    started->job = device->start(read.request, false);
    if (!started->job) return started;
    started->kept = std::move(read.kept);
    under_way_.push_back(started);
    return started;
  }

  SharedStarted start_copy(const py::object& source, const py::object& target) {
    const auto& from = source.cast<const DeviceBuffer&>();
    const auto& to = target.cast<const DeviceBuffer&>();
    const auto refuse = [](const std::string& what) { throw Error(ErrorKind::kDispatch, "copy: " + what); };
    if (!from.seen_by() == !to.seen_by())
      refuse("one of the two must be a private buffer, and not the other");
    if ((from.seen_by() ? from : to).seen_by() != device.get())
      refuse("the private buffer is another device's");
    if (!to.writable()) refuse("the target is read-only");
    if (from.dtype() != to.dtype() || from.elements() != to.elements()) {
      refuse("the source has " + std::to_string(from.elements()) + " elements of " + name_of(from.dtype()) +
             ", the target " + std::to_string(to.elements()) + " of " + name_of(to.dtype()));
    }
    auto started = std::make_shared<Started>();
    started->device = device;
    started->job = device->start_copy(to.data(), from.data(), from.bytes());
    if (!started->job) return started;
    started->kept = {source, target};
    under_way_.push_back(started);
    return started;
  }

  void close() {
    {
      py::gil_scoped_release unlocked;
      device->close();
    }
    WaitingCall::let_return(device.get());
    under_way_.clear();
  }

  SharedDevice device;

 private:
  std::deque<SharedStarted> under_way_;
};

// An event loop's dispatches, by token.
class DispatchPort {
 public:
  DispatchPort() : port_(std::make_shared<CompletionPort>()) {}
  int fd() const { return port_->fd(); }
  // False when the dispatch is done already.
  bool listen(const SharedStarted& started, u64 token) {
    started->ports.push_back(port_);
    return started->job && started->job->listen(port_.get(), token);
  }
  // False when the token comes nevertheless.
  bool withdraw(Started& started, u64 token) { return started.job->withdraw(port_.get(), token); }
  std::vector<std::uint64_t> take() { return port_->take(); }

 private:
  const std::shared_ptr<CompletionPort> port_;
};

py::dict pool_statistics(OpenDevice& open) {
  const PoolStatistics counts = open.device->pool().statistics();
  py::dict all;
  all["hits"] = counts.hits;
  all["misses"] = counts.misses;
  all["bytes_held"] = counts.bytes_held;
  all["bytes_in_use"] = counts.bytes_in_use;
  return all;
}

std::vector<std::string> kernel_names(OpenDevice& open) {
  std::vector<std::string> names;
  for (const DispatchKernel& kernel : dispatch_kernels()) {
    if (!open.device->types_of(kernel).empty()) names.push_back(kernel.name);
  }
  return names;
}

std::vector<std::string> dtypes_of(OpenDevice& open, const DispatchKernel& kernel) {
  std::vector<std::string> names;
  for (const DType type : open.device->types_of(kernel)) names.emplace_back(name_of(type));
  return names;
}

std::string signature_of(OpenDevice& open, const DispatchKernel& kernel) {
  return signature(kernel) + ", T: " + names_of(open.device->types_of(kernel));
}

const DispatchKernel& dispatch_kernel_of(OpenDevice&, const std::string& name) {
  return dispatch_kernel(name);
}

}  // namespace

void init_dispatch(py::module_& module) {
  init_device_buffer(module);

  py::class_<Started, SharedStarted>(module, "Started")
      .def_property_readonly("done", &Started::done)
      .def("wait", &wait, py::arg("timeout"))
      .def("cancel", &cancel)
      .def("finish", &finish);

  py::class_<DispatchPort>(module, "DispatchPort")
      .def(py::init<>())
      .def("fileno", &DispatchPort::fd)
      .def("listen", &DispatchPort::listen, py::arg("started"), py::arg("token"))
      .def("withdraw", &DispatchPort::withdraw, py::arg("started"), py::arg("token"))
      .def("take", &DispatchPort::take);

  using Unlocked = py::call_guard<py::gil_scoped_release>;
  py::class_<OpenDevice>(module, "Device")
      .def(py::init<const std::string&, std::optional<i64>, i64>(), py::arg("backend"), py::arg("workers"),
           py::arg("pool_limit"))
      .def_property_readonly("backend", [](OpenDevice& open) { return open.device->backend_name(); })
      .def_property_readonly("workers", [](OpenDevice& open) { return open.device->dispatcher().workers(); })
      .def_property_readonly("name", [](OpenDevice& open) { return open.device->dispatcher().device(); })
      .def_property_readonly("closed", [](OpenDevice& open) { return open.device->closed(); })
      .def("allocate", &OpenDevice::allocate, py::arg("shape"), py::arg("dtype"), py::arg("hidden"))
      .def("start_copy", &OpenDevice::start_copy, py::arg("source"), py::arg("target"))
      .def(
          "wrap", [](OpenDevice&, const py::buffer& array) { return DeviceBuffer::wrap(array); },
          py::arg("array"))
      .def(
          "from_dlpack",
          [](OpenDevice& open, const py::object& array) {
            return from_dlpack(array, open.device->dispatcher().cuda_device() >= 0);
          },
          py::arg("array"))
      .def("from_cuda_array", &OpenDevice::from_cuda_array, py::arg("array"))
      .def("pool", &pool_statistics)
      .def(
          "trim", [](OpenDevice& open) { return open.device->pool().trim(); }, Unlocked())
      .def("kernels", &kernel_names)
      .def("kernel", &dispatch_kernel_of, py::arg("name"), py::return_value_policy::reference)
      .def("dtypes", &dtypes_of, py::arg("kernel"))
      .def("signature", &signature_of, py::arg("kernel"))
      .def("run", &OpenDevice::run, py::arg("kernel"), py::arg("positional"), py::arg("named"),
           py::arg("threads"), py::arg("groups"), py::arg("group"), py::arg("threadgroup_memory"))
      .def("start", &OpenDevice::start, py::arg("kernel"), py::arg("positional"), py::arg("named"),
           py::arg("threads"), py::arg("groups"), py::arg("group"), py::arg("threadgroup_memory"))
      .def("close", &OpenDevice::close);

  py::class_<DispatchKernel, std::unique_ptr<DispatchKernel, py::nodelete>>(module, "DispatchKernel")
      .def_readonly("name", &DispatchKernel::name);
}

}  // namespace ringway::bindings
