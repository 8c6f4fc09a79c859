#include "bindings/device_buffer.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <bit>
#include <optional>

#include "core/error.h"

namespace ringway::bindings {
namespace {

static_assert(std::endian::native == std::endian::little, "formats below");

// The format characters of the buffer protocol; the width of 'l' is the platform's.
std::optional<DType> dtype_of_format(std::string format, py::ssize_t itemsize) {
  if (!format.empty() && std::string("@=<").find(format[0]) != std::string::npos) format.erase(0, 1);
  if (format.size() != 1) return {};
  const bool with_sign = std::string("bhilqn").find(format) != std::string::npos;
  const bool without_sign = std::string("BHILQN").find(format) != std::string::npos;
  const bool floating = std::string("efd").find(format) != std::string::npos;
  for (u32 number = 0; number < kDTypes; ++number) {
    const DType dtype = DType(number);
    if (py::ssize_t(size_of(dtype)) != itemsize) continue;
    if (floating && is_float(dtype)) return dtype;
    if (with_sign && !is_float(dtype) && is_signed(dtype)) return dtype;
    if (without_sign && !is_signed(dtype)) return dtype;
  }
  return {};
}

std::string known_dtypes() {
  std::string names;
  for (u32 number = 0; number < kDTypes; ++number) {
    names += (number ? ", " : "") + std::string(name_of(DType(number)));
  }
  return names;
}

py::dtype numpy_dtype(const DeviceBuffer& buffer) {
  return py::dtype(name_of(buffer.dtype()));
}

py::array as_numpy(const py::object& self) {
  const auto& buffer = self.cast<const DeviceBuffer&>();
  buffer.check_on_host();
  py::array array(numpy_dtype(buffer), buffer.shape(), buffer.strides(), buffer.data(), self);
  if (!buffer.writable()) array.attr("flags").attr("writeable") = false;
  return array;
}

const char* format_of(DType dtype) {
  constexpr const char* kFormats[kDTypes] = {"b", "B", "h", "H", "i", "I", "q", "Q", "e", "f", "d"};
  return kFormats[u32(dtype)];
}

py::buffer_info describe(const DeviceBuffer& buffer) {
  return {buffer.data(),
          py::ssize_t(size_of(buffer.dtype())),
          format_of(buffer.dtype()),
          py::ssize_t(buffer.shape().size()),
          buffer.shape(),
          buffer.strides(),
          !buffer.writable()};
}

std::string represent(const DeviceBuffer& buffer) {
  return "<ringway device buffer, shape " + std::string(py::str(py::tuple(py::cast(buffer.shape())))) + ", " +
         name_of(buffer.dtype()) +
         (buffer.seen_by()    ? ", private>"
          : buffer.writable() ? ">"
                              : ", read-only>");
}

// pybind11 has a text of its own for whatever the description throws.
getbufferproc get_described = nullptr;
int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  const auto& buffer = py::handle(self).cast<const DeviceBuffer&>();
  try {
    buffer.check_on_host();
    return get_described(self, view, flags);
  } catch (const Error& error) {
    PyErr_SetString(PyExc_BufferError, error.what());
  }
  return -1;
}

// As DLPack asks.
void require_shareable(const DeviceBuffer& buffer) {
  if (!buffer.seen_by()) return;
  try {
    buffer.check_on_host();
  } catch (const Error& error) {
    throw py::buffer_error(error.what());
  }
}

}  // namespace

DeviceBuffer::DeviceBuffer(std::shared_ptr<void> owner, u8* data, Shape shape, DType dtype, bool writable,
                           MemoryPlace place)
    : owner_(std::move(owner)),
      data_(data),
      shape_(std::move(shape)),
      dtype_(dtype),
      writable_(writable),
      place_(place) {
  strides_.resize(shape_.size());
  py::ssize_t stride = size_of(dtype_);
  for (std::size_t axis = shape_.size(); axis-- > 0;) {
    strides_[axis] = stride;
    stride *= shape_[axis];
    elements_ *= u64(shape_[axis]);
  }
}

DeviceBuffer DeviceBuffer::hidden(const void* device, std::shared_ptr<u8> address, Shape shape, DType dtype) {
  u8* const data = address.get();
  DeviceBuffer buffer(std::move(address), data, std::move(shape), dtype, true);
  buffer.seen_by_ = device;
  return buffer;
}

void DeviceBuffer::check_on_host() const {
  if (seen_by_)
    throw Error(ErrorKind::kDispatch,
                "the buffer has storage='private': only the device sees its memory; copy it by "
                "device.copy(buffer, array), or make it with storage='shared'");
  if (!place_.on_gpu()) return;
  throw Error(ErrorKind::kDispatch, "the memory is on GPU " + std::to_string(place_.number) +
                                        ", where the host does not see it; copy it with the library that it "
                                        "is of (cupy.asnumpy, torch.Tensor.cpu)");
}

DeviceBuffer DeviceBuffer::wrap(const py::buffer& object) {
  auto* view = new Py_buffer;
  if (PyObject_GetBuffer(object.ptr(), view, PyBUF_RECORDS_RO) != 0) {
    delete view;
    throw py::error_already_set();
  }
  const std::shared_ptr<void> owner(view, [](void* held) {
    py::gil_scoped_acquire locked;
    PyBuffer_Release(static_cast<Py_buffer*>(held));
    delete static_cast<Py_buffer*>(held);
  });
  const auto dtype = dtype_of_format(view->format ? view->format : "B", view->itemsize);
  if (!dtype) {
    throw Error(ErrorKind::kDispatch, "elements of format '" +
                                          std::string(view->format ? view->format : "B") +
                                          "' are none that a buffer holds; those are " + known_dtypes());
  }
  if (!PyBuffer_IsContiguous(view, 'C')) {
    throw Error(ErrorKind::kDispatch,
                "the memory is not C-contiguous, so that kernels cannot use it in place; copy it by "
                "numpy.ascontiguousarray first");
  }
  return {owner, static_cast<u8*>(view->buf), Shape(view->shape, view->shape + view->ndim), *dtype,
          view->readonly == 0};
}

DType dtype_from(const py::object& name) {
  const py::dtype given = py::dtype::from_args(name);
  const auto text = py::str(given.attr("name")).cast<std::string>();
  for (u32 number = 0; number < kDTypes; ++number) {
    if (text == name_of(DType(number)) && given.byteorder() != '>') return DType(number);
  }
  throw Error(ErrorKind::kDispatch, "dtype " + py::str(given).cast<std::string>() +
                                        " is none that a buffer holds; those are " + known_dtypes());
}

void init_device_buffer(py::module_& module) {
  py::class_<DeviceBuffer> type(module, "DeviceBuffer", py::buffer_protocol(),
                                "Memory that kernels of a device use in place; NumPy and DLPack share it.");
  type.def_buffer([](DeviceBuffer& buffer) { return describe(buffer); })
      .def_property_readonly(
          "shape", [](const DeviceBuffer& buffer) { return py::tuple(py::cast(buffer.shape())); },
          "Elements on each axis.")
      .def_property_readonly("dtype", &numpy_dtype, "Element type, as NumPy's.")
      .def_property_readonly("size", &DeviceBuffer::elements, "Number of elements.")
      .def_property_readonly("nbytes", &DeviceBuffer::bytes, "Size in bytes.")
      .def_property_readonly(
          "storage", [](const DeviceBuffer& buffer) { return buffer.seen_by() ? "private" : "shared"; },
          "\"shared\", or \"private\" where only the device sees the memory.")
      .def_property_readonly(
          "readonly", [](const DeviceBuffer& buffer) { return !buffer.writable(); },
          "Whether kernels may only read it.")
      .def("numpy", &as_numpy, "Return the memory itself as an array, not a copy.")
      .def(
          "__dlpack_device__",
          [](const DeviceBuffer& buffer) {
            require_shareable(buffer);
            return std::make_pair(buffer.place().type, buffer.place().number);
          },
          "Where the memory is, by DLPack's numbers.")
      .def(
          "__dlpack__",
          [](const DeviceBuffer& buffer, const py::object& stream, const py::object& max_version,
             const py::object& dl_device, const py::object& copy) {
            require_shareable(buffer);
            return to_dlpack(buffer, stream, max_version, dl_device, copy);
          },
          py::kw_only(), py::arg("stream") = py::none(), py::arg("max_version") = py::none(),
          py::arg("dl_device") = py::none(), py::arg("copy") = py::none(),
          "Share the memory as a DLPack capsule.")
      .def("__len__",
           [](const DeviceBuffer& buffer) {
             if (buffer.shape().empty()) throw py::type_error("a buffer without axes has no length");
             return buffer.shape()[0];
           })
      .def("__repr__", &represent);
  PyBufferProcs& protocol = reinterpret_cast<PyHeapTypeObject*>(type.ptr())->as_buffer;
  get_described = protocol.bf_getbuffer;
  protocol.bf_getbuffer = &get_buffer;
}

}  // namespace ringway::bindings
