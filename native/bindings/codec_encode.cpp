// Python values to wire bytes.
#include <cstring>

#include "bindings/codec_numbers.h"
#include "bindings/codec_output.h"
#include "bindings/codec_quick.h"
#include "bindings/codec_types.h"
#include "ringway/wire.h"

namespace ringway::bindings {
namespace {

using codec::EncodeError;
using codec::Kind;
using codec::Type;

py::object steal(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

// What a Python-level conversion says against the value; memory errors and interrupts pass.
[[noreturn]] void raise_refused() {
  if (!PyErr_ExceptionMatches(PyExc_ValueError) && !PyErr_ExceptionMatches(PyExc_TypeError) &&
      !PyErr_ExceptionMatches(PyExc_ArithmeticError) && !PyErr_ExceptionMatches(PyExc_AttributeError))
    throw py::error_already_set();
  py::error_already_set error;
  throw EncodeError(std::string(py::str(error.value())));
}

py::object converted(const Type& type, PyObject* value) {
  PyObject* raw = PyObject_CallOneArg(host_of(type).to_wire.ptr(), value);
  if (!raw) raise_refused();
  py::object bytes = py::reinterpret_steal<py::object>(raw);
  if (type.unmanaged && PyBytes_GET_SIZE(raw) != Py_ssize_t(type.size))
    throw EncodeError("a conversion of the wrong size");
  return bytes;
}

// Plain data writes 64-bit numbers as decimal strings and non-finite ones as words.
py::object plain_number(PyObject* value, bool integer) {
  if (!PyUnicode_Check(value)) return py::reinterpret_borrow<py::object>(value);
  PyObject* number = integer ? PyLong_FromUnicodeObject(value, 10) : PyFloat_FromString(value);
  if (!number) raise_refused();
  return py::reinterpret_steal<py::object>(number);
}

class Encoder {
 public:
  explicit Encoder(Output* out) : out_(out) {}

  void write(const Type& type, PyObject* value) {
    if (type.unmanaged) {
      image(type, value, out_->take(type.size));
      return;
    }
    switch (type.kind) {
      case Kind::kString: text(type, value); break;
      case Kind::kBytes:
      case Kind::kBigInteger: blob(type, value); break;
      default: nested(type, value);
    }
  }

 private:
  struct Nesting {
    explicit Nesting(int* d) : depth(d) {
      if (++*depth > codec::kMaxDepth) {
        --*depth;
        throw EncodeError("nested deeper than " + std::to_string(codec::kMaxDepth) +
                          " (values that contain themselves have no wire form)");
      }
    }
    ~Nesting() { --*depth; }
    int* depth;
  };

  void nested(const Type& type, PyObject* value) {
    Nesting nesting(&depth_);
    switch (type.kind) {
      case Kind::kNullable:
        if (value == Py_None) {
          out_->put_word<u8>(kWireNullObject);
        } else {
          out_->put_word<u8>(1);
          write(*type.element, value);
        }
        break;
      case Kind::kArray:
      case Kind::kSet: sequence(type, value); break;
      case Kind::kMap: map(type, value); break;
      case Kind::kGrid: grid(type, value); break;
      case Kind::kUnion: tagged(type, value); break;
      case Kind::kVersioned: versioned(type, value); break;
      default: record(type, value);
    }
  }

  void null(const Type& type, i32 size) {
    if (!type.null_allowed)
      throw EncodeError(std::string("None where the schema has a ") + kind_name(type.kind));
    if (size == 1)
      out_->put_word<u8>(kWireNullObject);
    else
      out_->put_word<i32>(-1);
  }
  void count(const Type& type, std::size_t n) {
    if (n > 0x7fffffff) throw EncodeError("more than 2^31 - 1 elements");
    if (type.max_length && n > type.max_length)
      throw EncodeError(std::to_string(n) + " elements, at most " + std::to_string(type.max_length) +
                        " are declared");
    out_->put_word<i32>(i32(n));
  }

  void text(const Type& type, PyObject* value) {
    if (value == Py_None) return null(type, 4);
    if (!PyUnicode_Check(value)) wrong_type(value, "a string");
    Py_ssize_t n = 0;
    const char* utf8 = PyUnicode_AsUTF8AndSize(value, &n);
    if (!utf8) raise_refused();
    if (type.max_length && u64(n) > type.max_length)
      throw EncodeError("string of " + std::to_string(n) + " UTF-8 bytes, at most " +
                        std::to_string(type.max_length) + " are declared");
    if (n > 0x7ffffffe) throw EncodeError("string of 2 GiB or more");
    if (n == 0) {
      out_->put_word<i32>(0);
      return;
    }
    Py_ssize_t units = PyUnicode_GET_LENGTH(value);
    if (PyUnicode_KIND(value) == PyUnicode_4BYTE_KIND) {
      const Py_UCS4* points = PyUnicode_4BYTE_DATA(value);
      for (Py_ssize_t i = 0, end = units; i < end; ++i) units += points[i] > 0xffff;
    }
    u8* out = out_->take(8 + std::size_t(n));
    store(out, ~i32(n));
    store(out + 4, i32(units));
    std::memcpy(out + 8, utf8, std::size_t(n));
  }

  void blob(const Type& type, PyObject* value) {
    if (value == Py_None) return null(type, 4);
    if (type.style == kConverted) {
      py::object bytes = converted(type, value);
      return put_blob(type, PyBytes_AS_STRING(bytes.ptr()), PyBytes_GET_SIZE(bytes.ptr()));
    }
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) != 0) {
      PyErr_Clear();
      wrong_type(value, "bytes");
    }
    try {
      put_blob(type, view.buf, view.len);
    } catch (...) {
      PyBuffer_Release(&view);
      throw;
    }
    PyBuffer_Release(&view);
  }
  void put_blob(const Type& type, const void* bytes, Py_ssize_t n) {
    count(type, std::size_t(n));
    out_->put(bytes, std::size_t(n));
  }

  void sequence(const Type& type, PyObject* value) {
    if (value == Py_None) return null(type, 4);
    if (type.style == kNdarray && !PyList_CheckExact(value) && !PyTuple_CheckExact(value)) {
      py::object held = contiguous(type, value, 1);
      auto* array = py::detail::array_proxy(held.ptr());
      std::size_t n = std::size_t(array->dimensions[0]);
      count(type, n);
      out_->put(array->data, n * type.element->size);
      return;
    }
    if (PyUnicode_Check(value) || PyBytes_Check(value)) wrong_type(value, "a sequence");
    PyObject* made = PySequence_Fast(value, "");
    if (!made) {
      PyErr_Clear();
      wrong_type(value, "a sequence");
    }
    py::object fast = py::reinterpret_steal<py::object>(made);
    Py_ssize_t n = PySequence_Fast_GET_SIZE(made);
    count(type, std::size_t(n));
    items(*type.element, made, n);
  }
  void items(const Type& element, PyObject* fast, Py_ssize_t n) {
    Py_ssize_t i = 0;
    u8* block = element.unmanaged ? out_->take(std::size_t(n) * element.size) : nullptr;
    try {
      for (; i < n; ++i) {
        if (PySequence_Fast_GET_SIZE(fast) != n)
          throw EncodeError("the sequence changed its size while it was encoded");
        u8* out = block ? block + std::size_t(i) * element.size : nullptr;
        if (out && quick(element, PySequence_Fast_GET_ITEM(fast, i), out)) continue;
        py::object item = py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(fast, i));
        if (out)
          image(element, item.ptr(), out);
        else
          write(element, item.ptr());
      }
    } catch (EncodeError& error) {
      error.within("[" + std::to_string(i) + "]");
      throw;
    }
  }

  // quick() for a member of an object, and the same for strings that are ASCII.
  bool quick_write(const Type& type, PyObject* value) {
    if (type.unmanaged) {
      u8* out = out_->take(type.size);
      if (!quick(type, value, out))
        out_->give_back(type.size);
      else
        return true;
      return false;
    }
    if (type.kind != Kind::kString || type.max_length || !PyUnicode_CheckExact(value) ||
        !PyUnicode_IS_COMPACT_ASCII(value))
      return false;
    std::size_t n = std::size_t(PyUnicode_GET_LENGTH(value));
    if (n == 0 || n > 0x7ffffffe) return false;
    u8* out = out_->take(8 + n);
    store(out, ~i32(n));
    store(out + 4, i32(n));
    std::memcpy(out + 8, PyUnicode_1BYTE_DATA(value), n);
    return true;
  }

  // A one-dimensional (or `rank`-dimensional) C-contiguous array of the element's type; the value itself when
  // it is one.
  py::object contiguous(const Type& type, PyObject* value, int rank) {
    auto& api = py::detail::npy_api::get();
    PyObject* dtype = host_of(type).dtype.ptr();
    py::object held = py::reinterpret_borrow<py::object>(value);
    bool ready = Py_TYPE(value) == api.PyArray_Type_ && py::detail::array_proxy(value)->descr == dtype &&
                 (py::detail::array_proxy(value)->flags & py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_);
    if (!ready) {
      static py::handle coerce =
          py::object(py::module_::import("ringway.memorypack.convert").attr("coerce")).release();
      PyObject* made = PyObject_CallFunctionObjArgs(coerce.ptr(), value, dtype, nullptr);
      if (!made) raise_refused();
      held = py::reinterpret_steal<py::object>(made);
    }
    if (py::detail::array_proxy(held.ptr())->nd != rank)
      throw EncodeError("array of " + std::to_string(py::detail::array_proxy(held.ptr())->nd) +
                        " dimensions, " + std::to_string(rank) + " declared");
    return held;
  }

  void map(const Type& type, PyObject* value) {
    if (value == Py_None) return null(type, 4);
    py::object pairs;
    if (type.style == kPlain) {
      if (!PyList_Check(value) && !PyTuple_Check(value)) wrong_type(value, "a list of [key, value]");
      pairs = py::reinterpret_borrow<py::object>(value);
    } else {
      if (!PyDict_Check(value)) wrong_type(value, "a dict");
      pairs = steal(PyDict_Items(value));
    }
    Py_ssize_t n = PySequence_Fast_GET_SIZE(pairs.ptr());
    count(type, std::size_t(n));
    items(*type.element, pairs.ptr(), n);
  }

  void grid(const Type& type, PyObject* value) {
    if (value == Py_None) return null(type, 1);
    out_->put_word<u8>(u8(type.rank + 1));
    if (type.style == kNdarray) {
      py::object held = contiguous(type, value, int(type.rank));
      auto* array = py::detail::array_proxy(held.ptr());
      std::size_t n = 1;
      for (u32 i = 0; i < type.rank; ++i) {
        if (array->dimensions[i] > 0x7fffffff) throw EncodeError("a dimension above 2^31 - 1");
        out_->put_word<i32>(i32(array->dimensions[i]));
        n *= std::size_t(array->dimensions[i]);
      }
      count(type, n);
      out_->put(array->data, n * type.element->size);
      return;
    }
    i32 lengths[4] = {};
    PyObject* level = value;
    std::size_t n = 1;
    for (u32 i = 0; i < type.rank; ++i) {
      if (!level || !PyList_Check(level)) {
        if (level) wrong_type(level, "nested lists");
      } else {
        lengths[i] = i32(PyList_GET_SIZE(level));
        level = lengths[i] ? PyList_GET_ITEM(level, 0) : nullptr;
      }
      n *= std::size_t(lengths[i]);
      out_->put_word<i32>(lengths[i]);
    }
    count(type, n);
    flatten(type, value, lengths, 0);
  }
  void flatten(const Type& type, PyObject* value, const i32* lengths, u32 axis) {
    if (axis == type.rank) return write(*type.element, value);
    if (!PyList_Check(value) || PyList_GET_SIZE(value) != lengths[axis])
      throw EncodeError("nested lists of unequal lengths");
    for (i32 i = 0; i < lengths[axis]; ++i) {
      py::object item = py::reinterpret_borrow<py::object>(PyList_GetItem(value, i));
      if (!item) throw py::error_already_set();
      flatten(type, item.ptr(), lengths, axis + 1);
    }
  }

  void tagged(const Type& type, PyObject* value) {
    if (value == Py_None) return null(type, 1);
    py::object held;
    const codec::Field* found = nullptr;
    if (type.style == kPlain) {
      if (!PyDict_Check(value) || PyDict_Size(value) != 2) wrong_type(value, "{'tag': ..., 'value': ...}");
      PyObject* tag = PyDict_GetItemString(value, "tag");
      PyObject* inner = PyDict_GetItemString(value, "value");
      if (!tag || !inner) wrong_type(value, "{'tag': ..., 'value': ...}");
      u32 number = to_int<unsigned short>(tag, "uint16");
      for (const codec::Field& field : type.fields)
        if (field.tag == number) found = &field;
      if (!found) throw EncodeError("tag " + std::to_string(number) + " is not in the union");
      held = py::reinterpret_borrow<py::object>(inner);
    } else {
      for (const codec::Field& field : type.fields)
        if (host_of(*field.type).cls == Py_TYPE(value)) found = &field;
      if (!found) throw EncodeError(std::string(Py_TYPE(value)->tp_name) + " is not in the union");
      held = py::reinterpret_borrow<py::object>(value);
    }
    if (found->tag < kWireWideTag) {
      out_->put_word<u8>(u8(found->tag));
    } else {
      out_->put_word<u8>(kWireWideTag);
      out_->put_word<unsigned short>(static_cast<unsigned short>(found->tag));
    }
    write(*found->type, held.ptr());
  }

  // Member i of a record in whatever shape the host keeps it.
  py::object member(const Type& type, PyObject* value, std::size_t i) {
    const PyHost& host = host_of(type);
    PyObject* found = nullptr;
    if (host.cls) {
      found = slot_at(value, type.fields[i].host_slot);
      if (!found) throw EncodeError("has no value");
    } else if (named(type)) {
      found = PyDict_GetItem(value, host.names[i].ptr());
      if (!found) throw EncodeError("is missing");
    } else {
      if (PySequence_Fast_GET_SIZE(value) != Py_ssize_t(type.fields.size()))
        throw EncodeError("the sequence changed its size while it was encoded");
      found = PySequence_Fast_GET_ITEM(value, Py_ssize_t(i));
    }
    return py::reinterpret_borrow<py::object>(found);
  }
  static bool named(const Type& type) {
    return type.kind == Kind::kObject || type.kind == Kind::kVersioned || type.kind == Kind::kStruct;
  }

  void check_shape(const Type& type, PyObject* value) {
    const PyHost& host = host_of(type);
    if (host.cls) {
      if (Py_TYPE(value) != host.cls && !derived_in_python_only(value, host.cls))
        wrong_type(value, host.cls->tp_name);
    } else if (named(type)) {
      if (!PyDict_Check(value)) wrong_type(value, "a dict");
      if (PyDict_Size(value) > Py_ssize_t(type.fields.size())) unknown_member(type, value);
    } else {
      if (!PyList_Check(value) && !PyTuple_Check(value)) wrong_type(value, "a list or tuple");
      if (PySequence_Fast_GET_SIZE(value) != Py_ssize_t(type.fields.size()))
        throw EncodeError(std::to_string(PySequence_Fast_GET_SIZE(value)) + " members, the schema has " +
                          std::to_string(type.fields.size()));
    }
  }
  // An object of an undecorated subclass has the same members; one of a decorated subclass has more, and
  // would lose them.
  static bool derived_in_python_only(PyObject* value, PyTypeObject* cls) {
    const MessageInfo* info = find_message(Py_TYPE(value));
    return info && info->python_class == cls;
  }
  [[noreturn]] static void unknown_member(const Type& type, PyObject* value) {
    for (auto item : py::reinterpret_borrow<py::dict>(value)) {
      bool known = false;
      for (const auto& name : host_of(type).names) known = known || name.equal(item.first);
      if (!known) throw EncodeError("'" + std::string(py::str(item.first)) + "' is not a member");
    }
    throw EncodeError("too many members");
  }

  void record(const Type& type, PyObject* value) {
    bool counted = type.kind == Kind::kObject || type.kind == Kind::kTuple;
    if (counted && value == Py_None) return null(type, 1);
    check_shape(type, value);
    if (counted) out_->put_word<u8>(u8(type.fields.size()));
    std::size_t i = 0;
    try {
      for (; i < type.fields.size(); ++i) {
        const codec::Field& field = type.fields[i];
        PyObject* slot = host_of(type).cls ? slot_at(value, field.host_slot) : nullptr;
        if (slot && quick_write(*field.type, slot)) continue;
        py::object held = member(type, value, i);
        write(*field.type, held.ptr());
      }
    } catch (EncodeError& error) {
      error.within(label(type, i));
      throw;
    }
  }
  static std::string label(const Type& type, std::size_t i) {
    return type.fields[i].name.empty() ? "[" + std::to_string(i) + "]" : type.fields[i].name;
  }

  // Each member goes to a buffer of its own, because the lengths come first.
  void versioned(const Type& type, PyObject* value) {
    if (value == Py_None) return null(type, 1);
    check_shape(type, value);
    Output body;
    Output* outer = std::exchange(out_, &body);
    std::vector<std::size_t> ends;
    std::size_t i = 0;
    try {
      for (; i < type.fields.size(); ++i) {
        write(*type.fields[i].type, member(type, value, i).ptr());
        ends.push_back(body.size());
      }
    } catch (EncodeError& error) {
      out_ = outer;
      error.within(label(type, i));
      throw;
    }
    out_ = outer;
    out_->put_word<u8>(u8(type.fields.size()));
    std::size_t start = 0;
    for (std::size_t end : ends) {
      varint(end - std::exchange(start, end));
    }
    out_->put(body.data(), body.size());
  }
  void varint(std::size_t length) {
    if (length > 0x7fffffff) throw EncodeError("a member of 2 GiB or more");
    if (length <= 127) {
      out_->put_word<u8>(u8(length));
    } else if (length <= 0x7fff) {
      out_->put_word<u8>(0x84);
      out_->put_word<short>(short(length));
    } else {
      out_->put_word<u8>(0x82);
      out_->put_word<i32>(i32(length));
    }
  }

  void image(const Type& type, PyObject* value, u8* out) {
    if (type.style != kNative) {
      if (type.style == kConverted) {
        py::object bytes = converted(type, value);
        std::memcpy(out, PyBytes_AS_STRING(bytes.ptr()), type.size);
        return;
      }
      if (type.style == kPlain && type.primitive && type.kind != Kind::kBool && type.kind != Kind::kChar) {
        py::object number = plain_number(value, type.kind != Kind::kF32 && type.kind != Kind::kF64);
        return native_image(type, number.ptr(), out);
      }
    }
    native_image(type, value, out);
  }
  void native_image(const Type& type, PyObject* value, u8* out) {
    switch (type.kind) {
      case Kind::kBool: return boolean(value, out);
      case Kind::kI8: return store(out, to_int<signed char>(value, "int8"));
      case Kind::kU8: return store(out, to_int<unsigned char>(value, "uint8"));
      case Kind::kI16: return store(out, to_int<short>(value, "int16"));
      case Kind::kU16: return store(out, to_int<unsigned short>(value, "uint16"));
      case Kind::kI32: return store(out, to_int<i32>(value, "int32"));
      case Kind::kU32: return store(out, to_int<u32>(value, "uint32"));
      case Kind::kI64: return store(out, to_i64(value, "int64"));
      case Kind::kU64: return store(out, to_u64(value, "uint64"));
      case Kind::kF32: return store(out, to_f32(value, to_f64(value)));
      case Kind::kF64: return store(out, to_f64(value));
      case Kind::kChar: return unit(value, out);
      case Kind::kGuid: return uuid_to_wire(value, out);
      case Kind::kNullable:
        std::memset(out, 0, type.size);
        if (value == Py_None) return;
        *out = 1;
        return image(*type.element, value, out + type.element->align);
      case Kind::kFixedArray: return fixed(type, value, out);
      default: return structure(type, value, out);
    }
  }

  static void boolean(PyObject* value, u8* out) {
    if (value == Py_True || value == Py_False) {
      *out = value == Py_True;
      return;
    }
    static py::handle numpy_bool = py::object(py::module_::import("numpy").attr("bool_")).release();
    if (!PyObject_TypeCheck(value, reinterpret_cast<PyTypeObject*>(numpy_bool.ptr())))
      wrong_type(value, "a bool");
    *out = PyObject_IsTrue(value) == 1;
  }
  static void unit(PyObject* value, u8* out) {
    if (!PyUnicode_Check(value) || PyUnicode_GET_LENGTH(value) != 1 || PyUnicode_READ_CHAR(value, 0) > 0xffff)
      wrong_type(value, "a string of one UTF-16 unit");
    store(out, static_cast<unsigned short>(PyUnicode_READ_CHAR(value, 0)));
  }

  // Shorter values are filled up with zeros.
  void fixed(const Type& type, PyObject* value, u8* out) {
    std::memset(out, 0, type.size);
    if (type.style == kNdarray && !PyList_CheckExact(value) && !PyTuple_CheckExact(value)) {
      py::object held = contiguous(type, value, 1);
      auto* array = py::detail::array_proxy(held.ptr());
      within_fixed(type, array->dimensions[0]);
      if (array->dimensions[0])
        std::memcpy(out, array->data, std::size_t(array->dimensions[0]) * type.element->size);
      return;
    }
    if (!PyList_Check(value) && !PyTuple_Check(value)) wrong_type(value, "a list or tuple");
    Py_ssize_t n = PySequence_Fast_GET_SIZE(value);
    within_fixed(type, n);
    for (Py_ssize_t i = 0; i < n && i < PySequence_Fast_GET_SIZE(value); ++i) {
      py::object item = py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(value, i));
      image(*type.element, item.ptr(), out + std::size_t(i) * type.element->size);
    }
  }
  static void within_fixed(const Type& type, Py_ssize_t n) {
    if (n > Py_ssize_t(type.length))
      throw EncodeError(std::to_string(n) + " elements in an array of " + std::to_string(type.length));
  }

  void structure(const Type& type, PyObject* value, u8* out) {
    check_shape(type, value);
    if (type.padded) std::memset(out, 0, type.size);
    std::size_t i = 0;
    try {
      for (; i < type.fields.size(); ++i) {
        const codec::Field& field = type.fields[i];
        PyObject* slot = host_of(type).cls ? slot_at(value, field.host_slot) : nullptr;
        if (slot && quick(*field.type, slot, out + field.offset)) continue;
        py::object held = member(type, value, i);
        image(*field.type, held.ptr(), out + field.offset);
      }
    } catch (EncodeError& error) {
      error.within(label(type, i));
      throw;
    }
  }

  Output* out_;
  int depth_ = 0;
};

}  // namespace

py::object encode_object(const Type& type, PyObject* value) {
  Output out;
  Encoder(&out).write(type, value);
  return out.to_bytes();
}

std::size_t encode_object_into(const Type& type, PyObject* value, u8* out, std::size_t room) {
  Output output(out, room);
  Encoder(&output).write(type, value);
  return output.size();
}

}  // namespace ringway::bindings
