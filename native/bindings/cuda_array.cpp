// Arrays of libraries that show their GPU memory by __cuda_array_interface__, versions 2 and 3:
// https://nvidia.github.io/numba-cuda/user/cuda_array_interface.html.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bindings/device_buffer.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorKind::kDispatch, "__cuda_array_interface__: " + what);
}

// Work that its owner may have under way: dispatches follow what is in the default stream, and no other.
void check_stream(const py::dict& shown) {
  if (!shown.contains("stream") || shown["stream"].is_none()) return;
  const auto stream = shown["stream"].cast<u64>();
  constexpr u64 kLegacyDefault = 1;
  if (stream == kLegacyDefault) return;
  refuse("the array belongs to stream " + std::to_string(stream) +
         "; dispatches follow the default stream: wait for that one, and hand over an array of the default "
         "stream");
}

bool in_c_order(const DeviceBuffer::Shape& shape, const DeviceBuffer::Shape& strides, py::ssize_t element) {
  py::ssize_t wanted = element;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 0) return true;
    if (shape[axis] != 1 && strides[axis] != wanted) return false;
    wanted *= shape[axis];
  }
  return true;
}

DeviceBuffer read(const py::object& object, i32 gpu) {
  const auto shown = object.attr("__cuda_array_interface__").cast<py::dict>();
  const auto version = shown["version"].cast<i64>();
  if (version < 2 || version > 3) refuse("version " + std::to_string(version) + "; 2 and 3 are understood");
  if (shown.contains("mask") && !shown["mask"].is_none())
    refuse("the array has a mask, which kernels do not look at");
  check_stream(shown);
  const DType dtype = dtype_from(shown["typestr"]);
  auto shape = shown["shape"].cast<DeviceBuffer::Shape>();
  for (const py::ssize_t length : shape) {
    if (length < 0) refuse("an axis has " + std::to_string(length) + " elements");
  }
  if (shown.contains("strides") && !shown["strides"].is_none()) {
    const auto strides = shown["strides"].cast<DeviceBuffer::Shape>();
    if (strides.size() != shape.size())
      refuse("there are " + std::to_string(strides.size()) + " strides for " + std::to_string(shape.size()) +
             " axes");
    if (!in_c_order(shape, strides, size_of(dtype)))
      refuse("the memory is not C-contiguous; make it so first");
  }
  const auto [address, read_only] = shown["data"].cast<std::pair<u64, bool>>();
  const std::shared_ptr<void> owner(new py::object(object), [](void* held) {
    py::gil_scoped_acquire locked;
    delete static_cast<py::object*>(held);
  });
  return {owner,      reinterpret_cast<u8*>(address), std::move(shape), dtype,
          !read_only, {MemoryPlace::kOnCuda, gpu}};
}

}  // namespace

DeviceBuffer from_cuda_array(const py::object& object, i32 gpu) {
  try {
    return read(object, gpu);
  } catch (const py::cast_error&) {
    refuse("an entry has a type that the interface does not give it");
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_Exception)) throw;
    refuse(error.what());
  }
}

}  // namespace ringway::bindings
