#include "bindings/message_io.h"

#include <cstring>

#include "bindings/message.h"
#include "core/error.h"
#include "core/options.h"
#include "core/reply.h"
#include "core/wait.h"

namespace ringway::bindings {

const std::string Outgoing::plain_bytes;

namespace {

// Of an object whose bytes another thread may change or free meanwhile.
void copy_bytes_of(py::handle object, Outgoing* out) {
  Py_buffer view;
  if (PyObject_GetBuffer(object.ptr(), &view, PyBUF_FULL_RO) != 0) throw py::error_already_set();
  const auto bytes = static_cast<std::size_t>(view.len);
  u8* to = out->small;
  if (bytes > sizeof(out->small)) {
    out->large = std::make_unique<u8[]>(bytes);
    to = out->large.get();
  }
  const bool copied = PyBuffer_ToContiguous(to, &view, view.len, 'C') == 0;
  PyBuffer_Release(&view);
  if (!copied) throw py::error_already_set();
  out->body = {to, bytes};
}

bool given(py::handle argument) {
  return argument && !argument.is_none();
}

[[noreturn]] void refuse(const char* field, py::handle value, const char* range) {
  throw Error(ErrorKind::kInvalidOption,
              std::string(field) + " is " + py::repr(value).cast<std::string>() + "; it must be " + range);
}

void refuse_member(const char* field, const MessageType& type) {
  throw Error(ErrorKind::kInvalidOption, std::string(field) + " is given, but " + type.name +
                                             " has a member for it, which is sent; set that instead");
}

double number_of(const char* field, py::handle value, const char* range) {
  const double number = PyFloat_AsDouble(value.ptr());
  if (number != -1 || !PyErr_Occurred()) return number;
  PyErr_Clear();
  refuse(field, value, range);
}

void apply(const Wanted& wanted, const MessageType* type, const EnvelopeFields& own, Envelope* envelope) {
  if (given(wanted.priority)) {
    if (own.has_priority) refuse_member("priority", *type);
    const char* const range = "None or a whole number, 0 (highest) to 255";
    if (!PyLong_Check(wanted.priority.ptr())) refuse("priority", wanted.priority, range);
    const double number = number_of("priority", wanted.priority, range);
    if (number < 0 || number > 255) refuse("priority", wanted.priority, range);
    envelope->priority = u8(number);
  }
  if (given(wanted.ttl)) {
    const char* const range = "None or a number of seconds, above 0 to 655.35";
    envelope->ttl_10ms = ttl_10ms(number_of("ttl", wanted.ttl, range));
  }
  if (given(wanted.message_id)) {
    if (own.has_id) refuse_member("message_id", *type);
    const py::object bytes = py::getattr(wanted.message_id, "bytes_le", py::none());
    if (!PyBytes_Check(bytes.ptr()) || PyBytes_GET_SIZE(bytes.ptr()) != sizeof(envelope->message_id)) {
      refuse("message_id", wanted.message_id, "None or a uuid.UUID");
    }
    std::memcpy(envelope->message_id, PyBytes_AS_STRING(bytes.ptr()), sizeof(envelope->message_id));
  }
}

}  // namespace

void encode(py::handle message, const Wanted& wanted, Outgoing* out) {
  Envelope& envelope = out->envelope;
  envelope.priority = kDefaultPriority;
  envelope.timestamp_us = unix_us();
  if (PyBytes_Check(message.ptr())) {
    fresh_id(envelope.message_id);
    out->body = {reinterpret_cast<const u8*>(PyBytes_AS_STRING(message.ptr())),
                 static_cast<std::size_t>(PyBytes_GET_SIZE(message.ptr()))};
    apply(wanted, nullptr, {}, &envelope);
    return;
  }
  if (PyByteArray_Check(message.ptr()) || PyMemoryView_Check(message.ptr())) {
    fresh_id(envelope.message_id);
    copy_bytes_of(message, out);
    apply(wanted, nullptr, {}, &envelope);
    return;
  }
  const MessageType& type = message_type(message);
  envelope.type_id = type.type_id;
  out->type_name = &type.name;
  EnvelopeFields fields;
  envelope_fields(message, &fields);
  if (fields.has_priority) envelope.priority = fields.priority;
  if (fields.has_correlation)
    std::memcpy(envelope.correlation_id, fields.correlation, sizeof(fields.correlation));
  if (fields.has_id) {
    std::memcpy(envelope.message_id, fields.id, sizeof(fields.id));
  } else {
    fresh_id(envelope.message_id);
  }
  apply(wanted, &type, fields, &envelope);
  u8* to = out->small;
  std::size_t bytes = encode_into(message, reinterpret_cast<std::byte*>(to), sizeof(out->small));
  if (bytes > sizeof(out->small)) {
    out->large = std::make_unique<u8[]>(bytes);
    to = out->large.get();
    bytes = encode_into(message, reinterpret_cast<std::byte*>(to), bytes);
  }
  out->body = {to, bytes};
}

py::object decode(const Envelope& envelope, std::span<const u8> body) {
  if (envelope.type_id == 0) return py::bytes(reinterpret_cast<const char*>(body.data()), body.size());
  const py::object type = message_class_of(envelope.type_id);
  if (!type) {
    throw Error(ErrorKind::kTypeMismatch,
                "an answer of message type number " + std::to_string(envelope.type_id) +
                    " is of no class of this process; import the module that declares it");
  }
  return decode(message_type(type), reinterpret_cast<const std::byte*>(body.data()), body.size());
}

Check signal_check() {
  static const auto main_thread =
      py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  if (PyThread_get_thread_ident() != main_thread) return nullptr;
  return [] {
    py::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  };
}

}  // namespace ringway::bindings
