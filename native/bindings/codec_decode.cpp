// Wire bytes to Python values: the builder of codec/decode.h.
#include <cstring>

#include "bindings/codec_types.h"
#include "codec/decode.h"

namespace ringway::bindings {
namespace {

using codec::DecodeError;
using codec::Kind;
using codec::Type;

py::object steal(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

template <class T>
T load(const u8* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// A Python exception that says that the bytes are no value becomes a DecodeError; others (memory, interrupts)
// pass.
[[noreturn]] void raise_bad_value(std::size_t offset, const std::string& what) {
  if (!PyErr_ExceptionMatches(PyExc_ValueError) && !PyErr_ExceptionMatches(PyExc_OverflowError) &&
      !PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_ArithmeticError))
    throw py::error_already_set();
  py::error_already_set error;
  std::string text = py::str(error.value());
  throw DecodeError(offset, what + ": " + text);
}

PyObject* plain_float(double value) {
  if (value != value) return PyUnicode_FromString("nan");
  if (value - value != 0) return PyUnicode_FromString(value > 0 ? "inf" : "-inf");
  return PyFloat_FromDouble(value);
}

class PyBuilder {
 public:
  using Value = py::object;

  // `base`: a bytes object that the input lies in, so that arrays may be views of it; else null.
  explicit PyBuilder(PyObject* base) : base_(base) {}

  Value null(const Type&) { return py::none(); }
  Value image(const Type& type, const u8* bytes, std::size_t offset) {
    return steal(value_of(type, bytes, offset));
  }

  Value text(const Type&, const u8* bytes, std::size_t n, std::size_t offset) {
    if (n && ascii(bytes, n)) {
      py::object made = steal(PyUnicode_New(Py_ssize_t(n), 127));
      std::memcpy(PyUnicode_1BYTE_DATA(made.ptr()), bytes, n);
      return made;
    }
    PyObject* made = PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(bytes), Py_ssize_t(n), nullptr);
    if (!made) raise_bad_value(offset, "string");
    return py::reinterpret_steal<py::object>(made);
  }
  Value text16(const Type&, const u8* bytes, std::size_t units, std::size_t offset) {
    int little = -1;
    PyObject* made =
        PyUnicode_DecodeUTF16(reinterpret_cast<const char*>(bytes), Py_ssize_t(units * 2), nullptr, &little);
    if (!made) raise_bad_value(offset, "string");
    return py::reinterpret_steal<py::object>(made);
  }
  Value blob(const Type& type, const u8* bytes, std::size_t n, std::size_t offset) {
    if (type.style == kConverted) return steal(converted(type, bytes, n, offset));
    return steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes), Py_ssize_t(n)));
  }

  Value block(const Type& type, const u8* bytes, std::size_t n, std::size_t offset) {
    if (type.style == kNdarray) return array(type, bytes, n);
    py::object made = list(type, n);
    const Type& element = *type.element;
    for (std::size_t i = 0; i < n; ++i)
      item(made, type, i, image(element, bytes + i * element.size, offset + i * element.size));
    return close(std::move(made), type);
  }

  py::object list(const Type& type, std::size_t n) {
    if (type.style == kNative && type.kind == Kind::kSet) return steal(PySet_New(nullptr));
    if (type.style == kNative && type.kind == Kind::kMap) return steal(PyDict_New());
    return steal(PyList_New(Py_ssize_t(n)));
  }
  void item(py::object& made, const Type& type, std::size_t i, Value value) {
    if (type.style == kNative && type.kind == Kind::kSet) {
      if (PySet_Add(made.ptr(), value.ptr()) != 0) throw py::error_already_set();
    } else {
      PyList_SET_ITEM(made.ptr(), Py_ssize_t(i), value.release().ptr());
    }
  }
  void entry(py::object& made, const Type& type, std::size_t i, Value key, Value value) {
    if (type.style == kNative) {
      if (PyDict_SetItem(made.ptr(), key.ptr(), value.ptr()) != 0) throw py::error_already_set();
      return;
    }
    py::object pair = steal(PyList_New(2));
    PyList_SET_ITEM(pair.ptr(), 0, key.release().ptr());
    PyList_SET_ITEM(pair.ptr(), 1, value.release().ptr());
    PyList_SET_ITEM(made.ptr(), Py_ssize_t(i), pair.release().ptr());
  }
  Value close(py::object made, const Type&) { return made; }

  py::object record(const Type& type) {
    if (PyTypeObject* cls = host_of(type).cls) return steal(new_object(cls, host_of(type).acyclic));
    if (named(type)) return steal(PyDict_New());
    Py_ssize_t n = Py_ssize_t(type.fields.size());
    return steal(type.style == kPlain ? PyList_New(n) : PyTuple_New(n));
  }
  void member(py::object& made, const Type& type, u32 i, Value value) {
    const PyHost& host = host_of(type);
    if (host.cls) {
      slot_at(made.ptr(), type.fields[i].host_slot) = value.release().ptr();
    } else if (named(type)) {
      if (PyDict_SetItem(made.ptr(), host.names[i].ptr(), value.ptr()) != 0) throw py::error_already_set();
    } else if (type.style == kPlain) {
      PyList_SET_ITEM(made.ptr(), Py_ssize_t(i), value.release().ptr());
    } else {
      PyTuple_SET_ITEM(made.ptr(), Py_ssize_t(i), value.release().ptr());
    }
  }
  void missing(py::object& made, const Type& type, u32 i, std::size_t offset) {
    const PyHost& host = host_of(type);
    if (i < host.defaults.size() && host.defaults[i].given) {
      const Default& fallback = host.defaults[i];
      member(made, type, i,
             fallback.factory ? steal(PyObject_CallNoArgs(fallback.value.ptr())) : fallback.value);
    } else {
      member(made, type, i, zero(type, i, offset));
    }
  }
  Value finish(py::object made, const Type&) { return made; }

  Value tagged(const Type& type, std::size_t i, Value value) {
    if (type.style != kPlain) return value;
    py::dict made;
    made["tag"] = py::int_(type.fields[i].tag);
    made["value"] = std::move(value);
    return py::object(std::move(made));
  }

  Value grid(const Type& type, const i32* lengths, Value flat) {
    if (type.style == kNdarray) {
      py::tuple shape(type.rank);
      for (u32 i = 0; i < type.rank; ++i) shape[i] = py::int_(lengths[i]);
      return flat.attr("reshape")(shape);
    }
    std::size_t next = 0;
    return nest(type, lengths, 0, flat, &next);
  }

 private:
  static bool ascii(const u8* bytes, std::size_t n) {
    u64 high = 0;
    for (; n >= 8; bytes += 8, n -= 8) high |= load<u64>(bytes);
    for (; n; ++bytes, --n) high |= *bytes;
    return !(high & 0x8080808080808080ull);
  }
  static bool named(const Type& type) {
    return type.kind == Kind::kObject || type.kind == Kind::kVersioned || type.kind == Kind::kStruct;
  }

  // A value for a member that the bytes do not hold and the class gives no default for.
  Value zero(const Type& record, u32 i, std::size_t offset) {
    const Type& type = *record.fields[i].type;
    if (type.unmanaged) {
      std::vector<u8> zeros(type.size);
      return image(type, zeros.data(), offset);
    }
    if (type.null_allowed) return py::none();
    switch (type.kind) {
      case Kind::kString: return text(type, nullptr, 0, offset);
      case Kind::kBytes:
      case Kind::kBigInteger: return blob(type, nullptr, 0, offset);
      case Kind::kArray:
      case Kind::kSet: return type.element->unmanaged ? block(type, nullptr, 0, offset) : list(type, 0);
      case Kind::kMap: return list(type, 0);
      default:
        throw DecodeError(offset, "member '" + record.fields[i].name + "' is missing and has no default");
    }
  }

  Value array(const Type& type, const u8* bytes, std::size_t n) {
    auto& api = py::detail::npy_api::get();
    PyObject* dtype = host_of(type).dtype.ptr();
    Py_intptr_t length = Py_intptr_t(n), stride = Py_intptr_t(type.element->size);
    Py_INCREF(dtype);  // the call steals it
    bool view = base_ && n;
    void* data = view ? const_cast<u8*>(bytes) : nullptr;
    PyObject* made = api.PyArray_NewFromDescr_(api.PyArray_Type_, dtype, 1, &length, view ? &stride : nullptr,
                                               data, 0, nullptr);
    if (!made) throw py::error_already_set();
    py::object array = py::reinterpret_steal<py::object>(made);
    if (view) {
      Py_INCREF(base_);
      if (api.PyArray_SetBaseObject_(made, base_) != 0) throw py::error_already_set();
    } else if (n) {
      std::memcpy(py::detail::array_proxy(made)->data, bytes, n * type.element->size);
    }
    return array;
  }

  Value nest(const Type& type, const i32* lengths, u32 axis, const Value& flat, std::size_t* next) {
    py::object made = steal(PyList_New(lengths[axis]));
    for (i32 i = 0; i < lengths[axis]; ++i) {
      py::object value =
          axis + 1 == type.rank
              ? py::reinterpret_borrow<py::object>(PyList_GET_ITEM(flat.ptr(), Py_ssize_t((*next)++)))
              : nest(type, lengths, axis + 1, flat, next);
      PyList_SET_ITEM(made.ptr(), i, value.release().ptr());
    }
    return made;
  }

  PyObject* converted(const Type& type, const u8* bytes, std::size_t n, std::size_t offset) {
    py::object raw = steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes), Py_ssize_t(n)));
    PyObject* made = PyObject_CallOneArg(host_of(type).from_wire.ptr(), raw.ptr());
    if (!made) raise_bad_value(offset, kind_name(type.kind));
    return made;
  }

  PyObject* integer(const Type& type, long long value, std::size_t offset) {
    if (type.style == kNative) return PyLong_FromLongLong(value);
    if (type.style == kEnum) {
      const auto& members = host_of(type).small_members;
      if (value >= 0 && value < static_cast<long long>(members.size()) && members[std::size_t(value)])
        return Py_NewRef(members[std::size_t(value)]);
    }
    return styled(type, steal(PyLong_FromLongLong(value)), offset);
  }
  // 64-bit numbers are decimal strings in plain data; an enum's number becomes its member.
  PyObject* styled(const Type& type, py::object number, std::size_t offset) {
    if (type.style == kEnum) {
      const PyHost& host = host_of(type);
      if (PyObject* found = PyDict_GetItem(host.enum_members.ptr(), number.ptr())) return Py_NewRef(found);
      PyObject* made = PyObject_CallOneArg(host.enum_class.ptr(), number.ptr());
      if (!made) raise_bad_value(offset, "enum");
      return made;
    }
    if (type.style == kPlain && type.size == 8) return PyObject_Str(number.ptr());
    return number.release().ptr();
  }

  PyObject* value_of(const Type& type, const u8* bytes, std::size_t offset) {
    if (type.style == kConverted) return converted(type, bytes, type.size, offset);
    switch (type.kind) {
      case Kind::kBool: return PyBool_FromLong(*bytes);
      case Kind::kI8: return integer(type, load<signed char>(bytes), offset);
      case Kind::kU8: return integer(type, *bytes, offset);
      case Kind::kI16: return integer(type, load<short>(bytes), offset);
      case Kind::kU16: return integer(type, load<unsigned short>(bytes), offset);
      case Kind::kI32: return integer(type, load<i32>(bytes), offset);
      case Kind::kU32: return integer(type, load<u32>(bytes), offset);
      case Kind::kI64: return integer(type, load<long long>(bytes), offset);
      case Kind::kU64:
        if (type.style == kNative) return PyLong_FromUnsignedLongLong(load<u64>(bytes));
        return styled(type, steal(PyLong_FromUnsignedLongLong(load<u64>(bytes))), offset);
      case Kind::kF32:
        return type.style == kPlain ? plain_float(double(load<float>(bytes)))
                                    : PyFloat_FromDouble(double(load<float>(bytes)));
      case Kind::kF64:
        return type.style == kPlain ? plain_float(load<double>(bytes))
                                    : PyFloat_FromDouble(load<double>(bytes));
      case Kind::kChar: {
        Py_UCS4 unit = load<unsigned short>(bytes);
        return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, &unit, 1);
      }
      case Kind::kGuid: return uuid_from_wire(bytes);
      case Kind::kNullable:
        if (!*bytes) return Py_NewRef(Py_None);
        return value_of(*type.element, bytes + type.element->align, offset + type.element->align);
      case Kind::kFixedArray: return block(type, bytes, type.length, offset).release().ptr();
      default: return structure(type, bytes, offset);
    }
  }

  PyObject* structure(const Type& type, const u8* bytes, std::size_t offset) {
    py::object made = record(type);
    if (host_of(type).cls) {
      for (const codec::Field& field : type.fields) {
        PyObject* value = value_of(*field.type, bytes + field.offset, offset + field.offset);
        if (!value) throw py::error_already_set();
        slot_at(made.ptr(), field.host_slot) = value;
      }
      return made.release().ptr();
    }
    for (u32 i = 0; i < type.fields.size(); ++i) {
      const codec::Field& field = type.fields[i];
      member(made, type, i, image(*field.type, bytes + field.offset, offset + field.offset));
    }
    return made.release().ptr();
  }

  PyObject* base_;
};

}  // namespace

PyObject* decode_prefix(const Type& type, const u8* bytes, std::size_t size, PyObject* base,
                        std::size_t* used) {
  PyBuilder builder(base);
  codec::Decoder<PyBuilder> decoder(builder, bytes, size);
  py::object value = decoder.read(type);
  *used = decoder.consumed();
  return value.release().ptr();
}

PyObject* decode_object(const Type& type, const u8* bytes, std::size_t size, PyObject* base) {
  PyBuilder builder(base);
  return codec::Decoder<PyBuilder>(builder, bytes, size).whole(type).release().ptr();
}

}  // namespace ringway::bindings
