// ringway.memorypack.codec: a schema written as plain data, compiled once.
#include "bindings/bindings.h"
#include "bindings/codec_types.h"

namespace ringway::bindings {
namespace {

class Codec {
 public:
  explicit Codec(const py::object& notation) {
    try {
      type_ = compile_type(&schema_, notation, true, nullptr);
    } catch (const std::invalid_argument& error) {
      py::object kind = py::module_::import("ringway.errors").attr("SchemaError");
      PyErr_SetString(kind.ptr(), error.what());
      throw py::error_already_set();
    }
  }

  py::object encode(const py::object& value) const { return encode_object(*type_, value.ptr()); }

  std::size_t encode_into(const py::object& value, const py::buffer& buffer, std::size_t offset) const {
    py::buffer_info view = contiguous(buffer, true);
    return write_into(*type_, value.ptr(), static_cast<u8*>(view.ptr), std::size_t(view.size * view.itemsize),
                      offset);
  }

  py::object decode(const py::buffer& data) const {
    py::buffer_info view = contiguous(data, false);
    auto* bytes = static_cast<const u8*>(view.ptr);
    return py::reinterpret_steal<py::object>(
        decode_object(*type_, bytes, std::size_t(view.size * view.itemsize), nullptr));
  }

  py::tuple decode_from(const py::buffer& data, std::size_t offset) const {
    py::buffer_info view = contiguous(data, false);
    std::size_t size = std::size_t(view.size * view.itemsize), used = 0;
    if (offset > size)
      throw py::value_error("offset " + std::to_string(offset) + " beyond the " + std::to_string(size) +
                            " bytes");
    auto* bytes = static_cast<const u8*>(view.ptr) + offset;
    auto value =
        py::reinterpret_steal<py::object>(decode_prefix(*type_, bytes, size - offset, nullptr, &used));
    return py::make_tuple(value, offset + used);
  }

  u64 max_size() const { return type_->max_size; }
  u64 min_size() const { return type_->min_size; }

 private:
  static py::buffer_info contiguous(const py::buffer& data, bool writable) {
    py::buffer_info view = data.request(writable);
    Py_ssize_t stride = view.itemsize;
    for (Py_ssize_t i = view.ndim; i-- > 0; stride *= view.shape[std::size_t(i)])
      if (view.strides[std::size_t(i)] != stride && view.shape[std::size_t(i)] > 1)
        throw py::value_error("the buffer is not contiguous");
    return view;
  }

  codec::Schema schema_;
  codec::Type* type_ = nullptr;
};

}  // namespace

void init_codec(py::module_& module) {
  py::class_<Codec>(module, "Codec")
      .def(py::init<const py::object&>(), py::arg("schema"))
      .def("encode", &Codec::encode, py::arg("value"))
      .def("encode_into", &Codec::encode_into, py::arg("value"), py::arg("buffer"), py::arg("offset") = 0)
      .def("decode", &Codec::decode, py::arg("data"))
      .def("decode_from", &Codec::decode_from, py::arg("data"), py::arg("offset") = 0)
      .def_property_readonly("min_size", &Codec::min_size)
      .def_property_readonly("max_size", &Codec::max_size);
}

}  // namespace ringway::bindings
