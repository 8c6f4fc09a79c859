// Python message objects as bytes, for the runtime's bindings. All calls need the GIL.
#pragma once
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/body_fields.h"
#include "ringway/config.h"

namespace ringway::bindings {

namespace py = pybind11;

// What the runtime needs to know of a message class. Lives as long as the process.
struct MessageType {
  std::string name;              // wire name
  u32 type_id = 0;               // FNV-1a of the wire name
  std::uint64_t max_size = 0;    // largest encoded size in bytes; 0 = unbounded
  bool variable_length = false;  // the encoded size depends on the value
  bool fixed_layout = false;     // struct form: the C memory image
  std::size_t fixed_size = 0;    // bytes of the image when fixed_layout
  PyTypeObject* python_class = nullptr;
};

// The members that equal the envelope's, as far as the class has them (wire types guid, guid?, u8).
struct EnvelopeFields {
  bool has_id = false, has_correlation = false, has_priority = false;
  std::uint8_t id[16] = {};           // the bytes that the body holds
  std::uint8_t correlation[16] = {};  // zero when null
  std::uint8_t priority = 128;
};

// The type of a message class or of an object of one; TypeMismatch, naming the object's type, for anything
// else.
const MessageType& message_type(py::handle object_or_class);

// The latest class under that wire name; null when there is none.
py::object message_class_of(u32 type_id);

// Bytes that the message takes. EncodeError when a field's value does not fit its type.
std::size_t encoded_size(py::handle message);

// Writes the message and returns its size. A result above `room` means that it did not fit: it is the size
// that is needed, and `out` holds nothing of use.
std::size_t encode_into(py::handle message, std::byte* out, std::size_t room);

// An object of the class. The bytes are copied, so that the caller may release them. DecodeError with the
// offset.
py::object decode(const MessageType& type, const std::byte* bytes, std::size_t size);

// Where the bodies of the class have them. Throws kTypeMismatch when that differs from message to message.
BodyFields body_fields(const MessageType& type);

// False, and nothing stored, when the class declares none of them.
bool envelope_fields(py::handle message, EnvelopeFields* fields);

}  // namespace ringway::bindings
