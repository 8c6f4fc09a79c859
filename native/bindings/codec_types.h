// What the codec's types mean in Python.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "bindings/message.h"
#include "codec/error.h"
#include "codec/schema.h"

namespace ringway::bindings {

// How Python holds a value (codec::Type::style).
enum Style : u8 {
  kNative,     // bool, int, float, str, bytes, UUID; list, tuple, set, dict; message objects
  kPlain,      // plain data in the notation of the test vectors
  kConverted,  // by a pair of Python functions, from and to the wire bytes
  kEnum,       // a member of an IntEnum or IntFlag
  kNdarray,    // a NumPy array
};

struct Default {
  py::object value;
  bool factory = false;
  bool given = false;
};

struct PyHost : codec::HostData {
  PyTypeObject* cls = nullptr;  // class of a record's objects
  bool acyclic = false;  // such objects hold nothing that could refer back: the collector need not see them
  py::object dtype;      // of an array's elements
  py::object to_wire, from_wire;
  py::object enum_class, enum_members;   // members: dict from number to member
  std::vector<PyObject*> small_members;  // borrowed from that dict, by number, up to kSmallEnum
  std::vector<py::object> names;         // of a record, interned
  std::vector<Default> defaults;
};

inline constexpr long long kSmallEnum = 256;

inline PyHost& host_of(const codec::Type& type) {
  return *static_cast<PyHost*>(type.host.get());
}

// A message class, compiled.
struct MessageInfo : MessageType {
  codec::Schema schema;
  codec::Type* type = nullptr;
  codec::Type* optional = nullptr;        // the same where null is allowed
  std::ptrdiff_t envelope_slots[3] = {};  // message id, correlation, priority; 0 = not declared
};

// The class's compiled form, also for classes derived from it; null when it is no message class.
const MessageInfo* find_message(PyTypeObject* type);
const MessageInfo* find_message_exact(PyTypeObject* type);

// Plain-data schema to types. `self` is the class being compiled.
codec::Type* compile_type(codec::Schema* schema, py::handle notation, bool plain, const MessageInfo* self);
std::vector<codec::Field> compile_fields(codec::Schema* schema, py::handle list, PyHost* host,
                                         const MessageInfo* self);

// Slots of uuid.UUID, found once.
struct UuidLayout {
  PyTypeObject* type;
  std::ptrdiff_t int_slot, safe_slot;
  PyObject* unknown;  // SafeUUID.unknown
};
const UuidLayout& uuid_layout();
PyObject* uuid_from_wire(const u8* bytes);      // new reference; throws error_already_set
void uuid_to_wire(PyObject* value, u8* bytes);  // EncodeError when it is no UUID
PyObject* new_uuid();                           // random, version 4

inline PyObject*& slot_at(PyObject* object, std::ptrdiff_t offset) {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset);
}
// A new object of a message class, members unset; null with a Python error.
inline PyObject* new_object(PyTypeObject* cls, bool acyclic) {
  PyObject* made = cls->tp_alloc(cls, 0);
  if (made && acyclic && PyType_IS_GC(cls)) PyObject_GC_UnTrack(made);
  return made;
}
std::ptrdiff_t member_offset(PyTypeObject* type, const char* name);  // of a __slots__ member

// Into a writable contiguous buffer; the offset behind what was written.
std::size_t write_into(const codec::Type& type, PyObject* value, u8* bytes, std::size_t room,
                       std::size_t offset);

PyObject* decode_object(const codec::Type& type, const u8* bytes, std::size_t size, PyObject* base);
PyObject* decode_prefix(const codec::Type& type, const u8* bytes, std::size_t size, PyObject* base,
                        std::size_t* used);
py::object encode_object(const codec::Type& type, PyObject* value);
// Size of the value; above `room` it did not fit.
std::size_t encode_object_into(const codec::Type& type, PyObject* value, u8* out, std::size_t room);

}  // namespace ringway::bindings
