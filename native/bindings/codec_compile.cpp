// A schema written as plain data becomes types. The notation is the test vectors'; message classes add
//   {"message": class}, {"optional": T}, {"list": T}, {"bounded": [T, n]}, {"fixed": [T, n]}, {"converted":
//   [T, to_wire, from_wire]},
//   {"enum": T, "class": class} and "dtype" beside an array's element.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "bindings/codec_types.h"

namespace ringway::bindings {
namespace {

using codec::Kind;
using codec::Schema;
using codec::Type;

constexpr std::array kScalars = {
    std::pair{"bool", Kind::kBool},         std::pair{"int8", Kind::kI8},
    std::pair{"uint8", Kind::kU8},          std::pair{"int16", Kind::kI16},
    std::pair{"uint16", Kind::kU16},        std::pair{"int32", Kind::kI32},
    std::pair{"uint32", Kind::kU32},        std::pair{"int64", Kind::kI64},
    std::pair{"uint64", Kind::kU64},        std::pair{"float16", Kind::kF16},
    std::pair{"float32", Kind::kF32},       std::pair{"float64", Kind::kF64},
    std::pair{"int128", Kind::kI128},       std::pair{"uint128", Kind::kU128},
    std::pair{"char", Kind::kChar},         std::pair{"guid", Kind::kGuid},
    std::pair{"decimal", Kind::kDecimal},   std::pair{"timespan", Kind::kTimeSpan},
    std::pair{"datetime", Kind::kDateTime}, std::pair{"datetimeoffset", Kind::kDateTimeOffset},
    std::pair{"dateonly", Kind::kDateOnly}, std::pair{"timeonly", Kind::kTimeOnly}};

class Compiler {
 public:
  Compiler(Schema* schema, bool plain, const MessageInfo* self)
      : schema_(schema), plain_(plain), self_(self) {}

  Type* compile(py::handle notation) {
    if (++depth_ > codec::kMaxDepth)
      throw std::invalid_argument("schema nested deeper than " + std::to_string(codec::kMaxDepth));
    Type* type = py::isinstance<py::str>(notation) ? word(notation.cast<std::string>()) : form(notation);
    --depth_;
    return type;
  }

  PyHost* dress(Type* type) {
    if (!type->host) type->host = std::make_unique<PyHost>();
    if (type->style == kNative && plain_) type->style = kPlain;
    if (plain_ && reference(type->kind)) type->null_allowed = true;
    return static_cast<PyHost*>(type->host.get());
  }

  // [[name, T], ...]; with classes also [name, T, ...more that the caller reads].
  std::vector<codec::Field> fields(py::handle list, PyHost* host) {
    std::vector<codec::Field> made;
    for (py::handle item : sequence(list)) {
      py::sequence pair = sequence(item);
      codec::Field field;
      field.name = py::str(pair[0]);
      for (const codec::Field& other : made)
        if (other.name == field.name) throw std::invalid_argument("member '" + field.name + "' twice");
      try {
        field.type = compile(pair[1]);
      } catch (const std::invalid_argument& error) {
        throw std::invalid_argument("member '" + field.name + "': " + error.what());
      }
      PyObject* name = PyUnicode_InternFromString(field.name.c_str());
      if (!name) throw py::error_already_set();
      host->names.push_back(py::reinterpret_steal<py::object>(name));
      made.push_back(std::move(field));
    }
    return made;
  }

 private:
  static bool reference(Kind kind) { return kind >= Kind::kString && kind != Kind::kPair; }
  static py::sequence sequence(py::handle value) {
    if (!py::isinstance<py::list>(value) && !py::isinstance<py::tuple>(value))
      throw std::invalid_argument("expected a list in the schema, got " + std::string(py::repr(value)));
    return py::reinterpret_borrow<py::sequence>(value);
  }
  static py::sequence pair_of(py::handle value) {
    py::sequence pair = sequence(value);
    if (pair.size() != 2)
      throw std::invalid_argument("expected two entries in the schema, got " + std::string(py::repr(value)));
    return pair;
  }

  Type* word(const std::string& name) {
    for (const auto& [known, kind] : kScalars)
      if (name == known) return scalar(kind);
    Type* type = nullptr;
    if (name == "string" || name == "uri")
      type = schema_->text(Kind::kString, 0);
    else if (name == "bytes")
      type = schema_->text(Kind::kBytes, 0);
    else if (name == "biginteger")
      type = schema_->text(Kind::kBigInteger, 0);
    else
      throw std::invalid_argument("unknown type '" + name + "'");
    dress(type);
    convert(type, name);
    if (type->kind == Kind::kBigInteger) type->null_allowed = false;
    return type;
  }
  Type* scalar(Kind kind) {
    Type* type = schema_->scalar(kind);
    dress(type);
    convert(type, kind_name(kind));
    return type;
  }
  // Types whose Python form is made in Python: ringway.memorypack.convert holds a pair of functions for each.
  void convert(Type* type, const std::string& name) {
    py::object table = py::module_::import("ringway.memorypack.convert").attr(plain_ ? "PLAIN" : "OBJECTS");
    py::object pair = table.attr("get")(name);
    if (!pair.is_none()) converted(type, pair);
  }
  void converted(Type* type, const py::object& pair) {
    PyHost* host = dress(type);
    py::tuple functions = pair;
    host->to_wire = functions[0];
    host->from_wire = functions[1];
    type->style = kConverted;
  }

  Type* form(py::handle notation) {
    if (!py::isinstance<py::dict>(notation) || py::len(notation) == 0)
      throw std::invalid_argument("expected a type in the schema, got " + std::string(py::repr(notation)));
    auto dict = py::reinterpret_borrow<py::dict>(notation);
    std::string name;
    py::object value;
    for (auto item : dict) {
      name = py::str(item.first);
      value = py::reinterpret_borrow<py::object>(item.second);
      break;
    }
    if (!plain_)
      if (Type* type = class_form(name, value, dict)) return type;
    if (dict.size() != 1) throw std::invalid_argument("more than one key beside '" + name + "'");
    return plain_form(name, value);
  }

  Type* plain_form(const std::string& name, const py::object& value) {
    Type* type = nullptr;
    if (name == "nullable")
      type = nullable(compile(value));
    else if (name == "array" || name == "list")
      type = schema_->collection(Kind::kArray, compile(value), 0);
    else if (name == "set")
      type = schema_->collection(Kind::kSet, compile(value), 0);
    else if (name == "map")
      type = schema_->collection(Kind::kMap, record(Kind::kPair, pair_of(value)), 0);
    else if (name == "pair")
      return record(Kind::kPair, pair_of(value));
    else if (name == "tuple")
      return record(Kind::kTuple, value);
    else if (name == "valuetuple")
      return record(Kind::kValueTuple, value);
    else if (name == "object")
      return named(Kind::kObject, value);
    else if (name == "versioned")
      return named(Kind::kVersioned, value);
    else if (name == "struct")
      return named(Kind::kStruct, value);
    else if (name == "union")
      return tagged(value);
    else if (name == "enum")
      return enumeration(value);
    else if (name == "fixed")
      type = fixed(value);
    else if (name == "ndarray")
      type = schema_->grid(compile(pair_of(value)[0]), pair_of(value)[1].cast<u32>());
    else
      throw std::invalid_argument("unknown form '" + name + "'");
    dress(type);
    return type;
  }

  Type* class_form(const std::string& name, const py::object& value, const py::dict& dict) {
    if (name == "message") return const_cast<Type*>(message(value)->type);
    if (name == "optional") return optional(value);
    if (name == "bounded") return bounded(value);
    if (name == "converted") {
      py::sequence parts = sequence(value);
      Type* type = compile(parts[0]);
      converted(type, py::make_tuple(parts[1], parts[2]));
      return type;
    }
    if (name == "enum" && dict.contains("class")) {
      Type* type = enumeration(value);
      PyHost* host = dress(type);
      type->style = kEnum;
      host->enum_class = dict["class"];
      host->enum_members = host->enum_class.attr("_value2member_map_");
      list_small_members(host);
      return type;
    }
    if (!dict.contains("dtype")) return nullptr;
    Type* type = nullptr;
    if (name == "array")
      type = schema_->collection(Kind::kArray, compile(value), 0);
    else if (name == "fixed")
      type = fixed(value);
    else
      type = schema_->grid(compile(pair_of(value)[0]), pair_of(value)[1].cast<u32>());
    dress(type)->dtype = dict["dtype"];
    type->style = kNdarray;
    return type;
  }

  static void list_small_members(PyHost* host) {
    for (auto item : py::reinterpret_borrow<py::dict>(host->enum_members)) {
      int overflow = 0;
      long long number = PyLong_AsLongLongAndOverflow(item.first.ptr(), &overflow);
      if (overflow || number < 0 || number >= kSmallEnum) continue;
      host->small_members.resize(std::max(host->small_members.size(), std::size_t(number) + 1));
      host->small_members[std::size_t(number)] = item.second.ptr();
    }
  }

  const MessageInfo* message(py::handle cls) {
    if (cls.is_none()) return self_;
    const MessageInfo* info =
        PyType_Check(cls.ptr()) ? find_message_exact(reinterpret_cast<PyTypeObject*>(cls.ptr())) : nullptr;
    if (!info) throw std::invalid_argument(std::string(py::repr(cls)) + " is not a message class");
    return info;
  }
  Type* optional(const py::object& value) {
    if (py::isinstance<py::dict>(value) && py::dict(value).contains("message")) {
      const MessageInfo* info = message(py::dict(value)["message"]);
      if (info->optional) return info->optional;
    }
    Type* type = compile(value);
    return nullable(type);
  }
  Type* nullable(Type* type) {
    if (type->kind == Kind::kNullable) throw std::invalid_argument("nullable of a nullable");
    if (reference(type->kind) && type->kind != Kind::kBigInteger) {
      type->null_allowed = true;
      return type;
    }
    Type* made = schema_->nullable(type);
    dress(made);
    return made;
  }
  Type* bounded(const py::object& value) {
    py::sequence pair = pair_of(value);
    Type* inner = compile(pair[0]);
    u64 most = pair[1].cast<u64>();
    Type* made = nullptr;
    if (inner->kind == Kind::kString || inner->kind == Kind::kBytes || inner->kind == Kind::kBigInteger)
      made = schema_->text(inner->kind, most);
    else if (inner->kind == Kind::kArray || inner->kind == Kind::kSet || inner->kind == Kind::kMap)
      made = schema_->collection(inner->kind, inner->element, most);
    else
      throw std::invalid_argument("a largest length for a type that has no length");
    made->null_allowed = inner->null_allowed;
    made->style = inner->style;
    made->host = std::move(inner->host);
    return made;
  }

  Type* fixed(const py::object& value) {
    py::sequence pair = pair_of(value);
    return schema_->fixed_array(compile(pair[0]), pair[1].cast<u32>());
  }
  Type* enumeration(const py::object& value) {
    Type* type = compile(value);
    if (type->kind < Kind::kI8 || type->kind > Kind::kU64)
      throw std::invalid_argument("an enum needs an integer type");
    return type;
  }
  Type* record(Kind kind, const py::object& items) {
    auto host = std::make_unique<PyHost>();
    std::vector<codec::Field> made;
    for (py::handle item : sequence(items)) {
      codec::Field field;
      field.type = compile(item);
      made.push_back(std::move(field));
    }
    if (made.empty()) throw std::invalid_argument("a tuple without members has no wire form");
    Type* type = schema_->record(kind, std::move(made));
    type->host = std::move(host);
    dress(type);
    return type;
  }
  Type* named(Kind kind, const py::object& list) {
    auto host = std::make_unique<PyHost>();
    Type* type = schema_->record(kind, fields(list, host.get()));
    type->host = std::move(host);
    dress(type);
    return type;
  }
  Type* tagged(const py::object& list) {
    std::vector<codec::Field> made;
    for (py::handle item : sequence(list)) {
      py::sequence pair = pair_of(item);
      codec::Field field;
      field.tag = pair[0].cast<u32>();
      field.type = compile(pair[1]);
      for (const codec::Field& other : made)
        if (other.tag == field.tag)
          throw std::invalid_argument("tag " + std::to_string(field.tag) + " twice");
      made.push_back(std::move(field));
    }
    Type* type = schema_->record(Kind::kUnion, std::move(made));
    dress(type);
    return type;
  }

  Schema* schema_;
  bool plain_;
  const MessageInfo* self_;
  int depth_ = 0;
};

}  // namespace

Type* compile_type(Schema* schema, py::handle notation, bool plain, const MessageInfo* self) {
  return Compiler(schema, plain, self).compile(notation);
}

std::vector<codec::Field> compile_fields(Schema* schema, py::handle list, PyHost* host,
                                         const MessageInfo* self) {
  return Compiler(schema, false, self).fields(list, host);
}

}  // namespace ringway::bindings
