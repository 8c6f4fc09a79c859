// `Message`, the base of every message class: construction, encode, decode and comparison without pybind11's
// dispatch. Objects keep their members in __slots__, which are read and filled by offset.
#include <cstring>
#include <exception>

#include "bindings/bindings.h"
#include "bindings/byte_view.h"
#include "bindings/codec_types.h"
#include "core/error.h"

namespace ringway::bindings {
namespace {

// Runs `body` and turns C++ errors into Python's.
template <class Body>
auto guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    set_python_error(std::current_exception());
    return decltype(body())(-1);
  }
}
template <class Body>
PyObject* guarded_object(Body body) {
  try {
    return body();
  } catch (...) {
    set_python_error(std::current_exception());
    return nullptr;
  }
}

const MessageInfo* info_or_error(PyTypeObject* type) {
  const MessageInfo* info = find_message(type);
  if (!info) {
    const std::string name = type->tp_name;
    set_python_error(std::make_exception_ptr(
        Error(ErrorKind::kTypeMismatch,
              name +
                  " is no message class with a wire form; decorate it with @ringway.message (a generic one "
                  "needs its arguments: " +
                  name + "[...])")));
  }
  return info;
}

Py_ssize_t index_of(const PyHost& host, PyObject* name) {
  for (std::size_t i = 0; i < host.names.size(); ++i)
    if (host.names[i].ptr() == name) return Py_ssize_t(i);
  for (std::size_t i = 0; i < host.names.size(); ++i)
    if (PyUnicode_Compare(host.names[i].ptr(), name) == 0) return Py_ssize_t(i);
  return -1;
}

void set_member(PyObject* self, std::ptrdiff_t slot, PyObject* value) {
  Py_XSETREF(slot_at(self, slot), value);
}

int fill_defaults(PyObject* self, const MessageInfo* info, const bool* given) {
  const PyHost& host = host_of(*info->type);
  for (std::size_t i = 0; i < info->type->fields.size(); ++i) {
    if (given[i]) continue;
    const Default& fallback = host.defaults[i];
    if (!fallback.given) {
      PyErr_Format(PyExc_TypeError, "%s() missing argument '%U'", Py_TYPE(self)->tp_name,
                   host.names[i].ptr());
      return -1;
    }
    PyObject* value =
        fallback.factory ? PyObject_CallNoArgs(fallback.value.ptr()) : Py_NewRef(fallback.value.ptr());
    if (!value) return -1;
    set_member(self, info->type->fields[i].host_slot, value);
  }
  return 0;
}

// Stores positional and keyword arguments; the defaults fill the rest.
int fill(PyObject* self, const MessageInfo* info, PyObject* const* values, Py_ssize_t positional,
         PyObject* names) {
  const codec::Type& type = *info->type;
  const PyHost& host = host_of(type);
  bool given[256] = {};
  Py_ssize_t fields = Py_ssize_t(type.fields.size());
  if (positional > fields) {
    PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments, got %zd", Py_TYPE(self)->tp_name, fields,
                 positional);
    return -1;
  }
  for (Py_ssize_t i = 0; i < positional; ++i) {
    set_member(self, type.fields[std::size_t(i)].host_slot, Py_NewRef(values[i]));
    given[i] = true;
  }
  Py_ssize_t keywords = names ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t k = 0; k < keywords; ++k) {
    PyObject* name = PyTuple_GET_ITEM(names, k);
    Py_ssize_t i = index_of(host, name);
    if (i < 0 || given[i]) {
      PyErr_Format(PyExc_TypeError, i < 0 ? "%s() has no argument '%U'" : "%s() got argument '%U' twice",
                   Py_TYPE(self)->tp_name, name);
      return -1;
    }
    set_member(self, type.fields[std::size_t(i)].host_slot, Py_NewRef(values[positional + k]));
    given[i] = true;
  }
  return positional + keywords == fields ? 0 : fill_defaults(self, info, given);
}

PyObject* construct(PyObject* cls, PyObject* const* args, size_t nargsf, PyObject* names) {
  auto* type = reinterpret_cast<PyTypeObject*>(cls);
  const MessageInfo* info = info_or_error(type);
  if (!info) return nullptr;
  PyObject* self = new_object(type, host_of(*info->type).acyclic);
  if (self && fill(self, info, args, PyVectorcall_NARGS(nargsf), names) != 0) Py_CLEAR(self);
  return self;
}

// The way of subclasses that define __new__ or call super().__init__().
int init(PyObject* self, PyObject* args, PyObject* kwargs) {
  const MessageInfo* info = info_or_error(Py_TYPE(self));
  if (!info) return -1;
  return guarded([&] {
    std::vector<PyObject*> values;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) values.push_back(PyTuple_GET_ITEM(args, i));
    py::object names;
    if (kwargs && PyDict_Size(kwargs)) {
      names = py::reinterpret_steal<py::object>(PyTuple_New(PyDict_Size(kwargs)));
      if (!names) throw py::error_already_set();
      PyObject *key = nullptr, *value = nullptr;
      Py_ssize_t at = 0, i = 0;
      while (PyDict_Next(kwargs, &at, &key, &value)) {
        PyTuple_SET_ITEM(names.ptr(), i++, Py_NewRef(key));
        values.push_back(value);
      }
    }
    return fill(self, info, values.data(), PyTuple_GET_SIZE(args), names.ptr());
  });
}

PyObject* encode(PyObject* self, PyObject*) {
  const MessageInfo* info = info_or_error(Py_TYPE(self));
  if (!info) return nullptr;
  return guarded_object([&]() -> PyObject* {
    if (!info->fixed_layout) return encode_object(*info->type, self).release().ptr();
    auto bytes =
        py::reinterpret_steal<py::object>(PyBytes_FromStringAndSize(nullptr, Py_ssize_t(info->fixed_size)));
    if (!bytes) throw py::error_already_set();
    encode_object_into(*info->type, self, reinterpret_cast<u8*>(PyBytes_AS_STRING(bytes.ptr())),
                       info->fixed_size);
    return bytes.release().ptr();
  });
}

PyObject* encode_into_buffer(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  static const char* const kText = "encode_into(buffer, offset=0)";
  const MessageInfo* info = info_or_error(Py_TYPE(self));
  if (!info) return nullptr;
  PyObject* offset = n == 2 ? args[1] : nullptr;
  if (names && PyTuple_GET_SIZE(names) == 1 && n == 1 &&
      PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "offset") == 0) {
    offset = args[1];
  } else if (n < 1 || n > 2 || (names && PyTuple_GET_SIZE(names))) {
    PyErr_SetString(PyExc_TypeError, kText);
    return nullptr;
  }
  return guarded_object([&]() -> PyObject* {
    const ByteView to("buffer", args[0], ByteView::Use::kWrite);
    return PyLong_FromSize_t(
        write_into(*info->type, self, to.data(), to.size(), offset ? to.offset(offset) : 0));
  });
}

PyObject* decode_class(PyObject* cls, PyObject* data) {
  const MessageInfo* info = info_or_error(reinterpret_cast<PyTypeObject*>(cls));
  if (!info) return nullptr;
  if (PyBytes_CheckExact(data)) {
    return guarded_object([&] {
      return decode_object(*info->type, reinterpret_cast<const u8*>(PyBytes_AS_STRING(data)),
                           std::size_t(PyBytes_GET_SIZE(data)), data);
    });
  }
  return guarded_object([&] {
    const ByteView from("data", data, ByteView::Use::kRead);
    return decode_object(*info->type, from.data(), from.size(), nullptr);
  });
}

// 1 equal, 0 unequal, -1 error. Arrays are equal when their shapes and elements are.
int equal(PyObject* a, PyObject* b) {
  if (a == b) return 1;
  if (!a || !b) return 0;
  auto* array = py::detail::npy_api::get().PyArray_Type_;
  if (!PyObject_TypeCheck(a, array) && !PyObject_TypeCheck(b, array))
    return PyObject_RichCompareBool(a, b, Py_EQ);
  static py::handle array_equal = py::object(py::module_::import("numpy").attr("array_equal")).release();
  PyObject* same = PyObject_CallFunctionObjArgs(array_equal.ptr(), a, b, nullptr);
  if (!same) return -1;
  int truth = PyObject_IsTrue(same);
  Py_DECREF(same);
  return truth;
}

PyObject* compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(a) != Py_TYPE(b)) Py_RETURN_NOTIMPLEMENTED;
  const MessageInfo* info = find_message(Py_TYPE(a));
  if (!info) Py_RETURN_NOTIMPLEMENTED;
  int same = guarded([&] {
    int all = 1;
    for (const codec::Field& field : info->type->fields) {
      py::object left = py::reinterpret_borrow<py::object>(slot_at(a, field.host_slot));
      py::object right = py::reinterpret_borrow<py::object>(slot_at(b, field.host_slot));
      if ((all = equal(left.ptr(), right.ptr())) != 1) break;
    }
    return all;
  });
  if (same < 0) return nullptr;
  return PyBool_FromLong((same == 1) == (op == Py_EQ));
}

PyObject* make_uuid(PyObject*, PyObject*) {
  return guarded_object(new_uuid);
}

PyMethodDef kFunctions[] = {
    {"new_uuid", make_uuid, METH_NOARGS, "new_uuid() -> UUID\n\nA random UUID, version 4."},
    {nullptr, nullptr, 0, nullptr}};

PyMethodDef kMethods[] = {
    {"encode", encode, METH_NOARGS, "encode() -> bytes\n\nThe message in its wire form."},
    {"encode_into", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(encode_into_buffer)),
     METH_FASTCALL | METH_KEYWORDS,
     "encode_into(buffer, offset=0) -> int\n\nWrites the message into a writable buffer; the offset behind "
     "it."},
    {"decode", decode_class, METH_O | METH_CLASS,
     "decode(data) -> message\n\nA message from a bytes-like object. Arrays decoded from `bytes` are "
     "read-only views of it."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot kSlots[] = {
    {Py_tp_methods, kMethods},
    {Py_tp_init, reinterpret_cast<void*>(init)},
    {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
    {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
    {Py_tp_doc,
     const_cast<char*>("Base of message classes; gives type checkers encode, encode_into and decode.")},
    {0, nullptr}};
PyType_Spec kSpec = {"ringway.Message", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                     kSlots};

}  // namespace

std::size_t write_into(const codec::Type& type, PyObject* value, u8* bytes, std::size_t room,
                       std::size_t offset) {
  if (offset > room)
    throw py::value_error("offset " + std::to_string(offset) + " beyond the buffer of " +
                          std::to_string(room) + " bytes");
  std::size_t size = encode_object_into(type, value, bytes + offset, room - offset);
  if (size > room - offset)
    throw codec::EncodeError("needs " + std::to_string(size) + " bytes, the buffer has " +
                             std::to_string(room - offset) + " from offset " + std::to_string(offset) +
                             " on");
  return offset + size;
}

void init_message_base(py::module_& module) {
  if (PyModule_AddFunctions(module.ptr(), kFunctions) != 0) throw py::error_already_set();
  module.attr("Message") = py::reinterpret_steal<py::object>(PyType_FromSpec(&kSpec));
  // Only for classes that keep Message's own __init__.
  module.def("construct_natively", [](const py::type& cls) {
    reinterpret_cast<PyTypeObject*>(cls.ptr())->tp_vectorcall = construct;
  });
}

}  // namespace ringway::bindings
