// uuid.UUID as 16 wire bytes in .NET's order: the first three groups little-endian. UUID's slots are read and
// filled directly, because its constructor costs more than a whole message.
#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "bindings/codec_types.h"

#include <structmember.h>

#include "codec/error.h"

namespace ringway::bindings {
namespace {

constexpr int kOrder[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

UuidLayout find_layout() {
  py::module_ module = py::module_::import("uuid");
  auto* type = reinterpret_cast<PyTypeObject*>(py::object(module.attr("UUID")).release().ptr());
  PyObject* unknown = py::object(module.attr("SafeUUID").attr("unknown")).release().ptr();
  return {type, member_offset(type, "int"), member_offset(type, "is_safe"), unknown};
}

PyObject* uuid_from_big_endian(const u8* bytes) {
  const UuidLayout& layout = uuid_layout();
  PyObject* number = _PyLong_FromByteArray(bytes, 16, 0, 0);
  if (!number) throw py::error_already_set();
  PyObject* made = layout.type->tp_alloc(layout.type, 0);
  if (!made) {
    Py_DECREF(number);
    throw py::error_already_set();
  }
  slot_at(made, layout.int_slot) = number;
  slot_at(made, layout.safe_slot) = Py_NewRef(layout.unknown);
  return made;
}

// Seeded from the operating system, again in a child after fork().
std::mt19937_64& generator() {
  static std::mt19937_64 engine;
  static bool seeded = false;
  static const int registered = pthread_atfork(nullptr, nullptr, [] { seeded = false; });
  if (!seeded && registered == 0) {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    engine.seed(seed);
    seeded = true;
  }
  return engine;
}

}  // namespace

std::ptrdiff_t member_offset(PyTypeObject* type, const char* name) {
  py::object descriptor = py::handle(reinterpret_cast<PyObject*>(type)).attr(name);
  if (Py_TYPE(descriptor.ptr()) != &PyMemberDescr_Type)
    throw py::type_error(std::string(type->tp_name) + "." + name + " is not a slot");
  return reinterpret_cast<PyMemberDescrObject*>(descriptor.ptr())->d_member->offset;
}

const UuidLayout& uuid_layout() {
  static const UuidLayout layout = find_layout();
  return layout;
}

PyObject* uuid_from_wire(const u8* bytes) {
  u8 big[16];
  for (int i = 0; i < 16; ++i) big[kOrder[i]] = bytes[i];
  return uuid_from_big_endian(big);
}

void uuid_to_wire(PyObject* value, u8* bytes) {
  const UuidLayout& layout = uuid_layout();
  if (!PyObject_TypeCheck(value, layout.type))
    throw codec::EncodeError(std::string("expected a uuid.UUID, got ") + Py_TYPE(value)->tp_name);
  PyObject* number = slot_at(value, layout.int_slot);
  if (!number) throw codec::EncodeError("a UUID without a value");
  u8 big[16];
#if PY_VERSION_HEX >= 0x030D0000
  int failed = _PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(number), big, 16, 0, 0, 1);
#else
  int failed = _PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(number), big, 16, 0, 0);
#endif
  if (failed) throw py::error_already_set();
  for (int i = 0; i < 16; ++i) bytes[i] = big[kOrder[i]];
}

PyObject* new_uuid() {
  std::mt19937_64& engine = generator();
  u64 words[2] = {engine(), engine()};
  u8 big[16];
  std::memcpy(big, words, sizeof big);
  big[6] = u8((big[6] & 0x0f) | 0x40);
  big[8] = u8((big[8] & 0x3f) | 0x80);
  return uuid_from_big_endian(big);
}

}  // namespace ringway::bindings
