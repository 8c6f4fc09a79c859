// ringway.memorypack.codec: a schema written as plain data, compiled once.
#include <string>

#include "bindings/bindings.h"
#include "bindings/byte_view.h"
#include "bindings/codec_types.h"

namespace ringway::bindings {
namespace {

class Codec {
 public:
  explicit Codec(const py::object& notation) {
    try {
      type_ = compile_type(&schema_, notation, true, nullptr);
    } catch (const std::invalid_argument& error) {
      refuse(error.what());
    } catch (const py::cast_error&) {  // a name that is no text: half a character
      refuse(py::repr(notation).cast<std::string>() + " holds a name that is no whole Unicode text");
    }
  }

  py::object encode(const py::object& value) const { return encode_object(*type_, value.ptr()); }

  std::size_t encode_into(const py::object& value, const py::object& buffer, const py::object& offset) const {
    const ByteView to("buffer", buffer, ByteView::Use::kWrite);
    return write_into(*type_, value.ptr(), to.data(), to.size(), to.offset(offset));
  }

  py::object decode(const py::object& data) const {
    const ByteView from("data", data, ByteView::Use::kRead);
    return py::reinterpret_steal<py::object>(decode_object(*type_, from.data(), from.size(), nullptr));
  }

  py::tuple decode_from(const py::object& data, const py::object& offset) const {
    const ByteView from("data", data, ByteView::Use::kRead);
    const std::size_t at = from.offset(offset);
    std::size_t used = 0;
    auto value = py::reinterpret_steal<py::object>(
        decode_prefix(*type_, from.data() + at, from.size() - at, nullptr, &used));
    return py::make_tuple(value, at + used);
  }

  u64 max_size() const { return type_->max_size; }
  u64 min_size() const { return type_->min_size; }

 private:
  [[noreturn]] static void refuse(const std::string& why) {
    py::object kind = py::module_::import("ringway.errors").attr("SchemaError");
    PyErr_SetObject(kind.ptr(), text_of_bytes(why).ptr());
    throw py::error_already_set();
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
