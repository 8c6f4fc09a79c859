// Message classes: the registry of compiled classes, and what the runtime asks of them.
#include "bindings/message.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <unordered_map>

#include "bindings/bindings.h"
#include "bindings/codec_types.h"
#include "core/error.h"
#include "ringway/wire.h"

namespace ringway::bindings {
namespace {

using codec::Kind;

// A small cache in front of the table, by the class's address. Classes are never freed once compiled.
struct Registry {
  struct Entry {
    PyTypeObject* type = nullptr;
    const MessageInfo* info = nullptr;
  };
  Entry recent[64];
  std::unordered_map<PyTypeObject*, const MessageInfo*> by_class;
  std::unordered_map<u32, const MessageInfo*> by_id;

  Entry& slot(PyTypeObject* type) { return recent[reinterpret_cast<std::uintptr_t>(type) / 64 % 64]; }
};

Registry& registry() {
  static auto* made = new Registry;
  return *made;
}

const MessageInfo& info_of(py::handle message) {
  const MessageInfo* info = find_message(Py_TYPE(message.ptr()));
  if (info) return *info;
  throw Error(ErrorKind::kTypeMismatch,
              std::string("an object of ") + Py_TYPE(message.ptr())->tp_name +
                  " is no message, which is an object whose class @ringway.message has "
                  "decorated, or where plain bytes may be sent bytes, a bytearray or a memoryview");
}

void set_defaults(PyHost* host, const py::sequence& fields) {
  for (py::handle item : fields) {
    auto field = py::reinterpret_borrow<py::sequence>(item);
    Default fallback;
    fallback.given = field[2].cast<bool>();
    fallback.factory = field[3].cast<bool>();
    fallback.value = field[4];
    host->defaults.push_back(std::move(fallback));
  }
}

void find_slots(codec::Type* type, PyTypeObject* cls) {
  for (codec::Field& field : type->fields) field.host_slot = member_offset(cls, field.name.c_str());
}

bool is_guid(const codec::Type& type) {
  return type.kind == Kind::kGuid || (type.kind == Kind::kNullable && type.element->kind == Kind::kGuid);
}

// Members declared as message id, correlation and priority, by index; -1 = none.
void find_envelope(MessageInfo* info, const py::sequence& indices) {
  for (std::size_t role = 0; role < 3; ++role) {
    int index = indices[role].cast<int>();
    if (index < 0) continue;
    const codec::Field& field = info->type->fields.at(std::size_t(index));
    bool fits = role == 2 ? field.type->kind == Kind::kU8 : is_guid(*field.type);
    if (!fits)
      throw std::invalid_argument("member '" + field.name + "' has not the type of an envelope's member");
    info->envelope_slots[role] = field.host_slot;
  }
}

// Whether a value of the type can be part of a reference cycle, as long as members hold what they declare.
bool acyclic(const codec::Type& type) {
  switch (type.kind) {
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kBigInteger: return true;
    case Kind::kNullable: return acyclic(*type.element);
    case Kind::kArray:
    case Kind::kFixedArray:
    case Kind::kGrid: return type.style == kNdarray;
    case Kind::kStruct:
    case Kind::kObject:
    case Kind::kVersioned: return host_of(type).acyclic;
    case Kind::kUnion:
      return std::all_of(type.fields.begin(), type.fields.end(),
                         [](const auto& field) { return acyclic(*field.type); });
    default: return type.unmanaged && type.kind < Kind::kNullable;
  }
}

codec::Type* make_form(MessageInfo* info, Kind kind, bool nullable) {
  codec::Type* type = info->schema.forward(kind);
  auto host = std::make_unique<PyHost>();
  host->cls = info->python_class;
  type->host = std::move(host);
  type->null_allowed = nullable;
  return type;
}

// Compiles a class. `fields`: [[name, T, has default, is factory, default], ...].
void register_message(const py::type& cls, const std::string& name, const std::string& form,
                      const py::sequence& fields, const py::sequence& envelope) {
  auto* type = reinterpret_cast<PyTypeObject*>(cls.ptr());
  auto info = std::make_unique<MessageInfo>();
  info->python_class = type;
  info->name = name;
  info->type_id = fnv1a(name.data(), u32(name.size()));
  Kind kind = form == "struct" ? Kind::kStruct : form == "versioned" ? Kind::kVersioned : Kind::kObject;
  info->type = make_form(info.get(), kind, false);
  if (kind != Kind::kStruct) info->optional = make_form(info.get(), kind, true);
  try {
    PyHost host;
    std::vector<codec::Field> compiled = compile_fields(&info->schema, fields, &host, info.get());
    for (codec::Type* made : {info->type, info->optional}) {
      if (!made) continue;
      host_of(*made).names = host.names;
      set_defaults(&host_of(*made), fields);
      info->schema.complete(made, compiled);
      find_slots(made, type);
      host_of(*made).acyclic =
          type->tp_dictoffset == 0 && std::all_of(compiled.begin(), compiled.end(),
                                                  [](const auto& field) { return acyclic(*field.type); });
    }
    find_envelope(info.get(), envelope);
  } catch (const std::invalid_argument& error) {
    py::object schema_error = py::module_::import("ringway.errors").attr("SchemaError");
    PyErr_SetString(schema_error.ptr(), (name + ": " + error.what()).c_str());
    throw py::error_already_set();
  }
  info->max_size = info->type->max_size;
  info->fixed_layout = kind == Kind::kStruct;
  info->fixed_size = info->fixed_layout ? info->type->size : 0;
  info->variable_length = !info->fixed_layout && (info->max_size == 0 || info->type->null_allowed ||
                                                  info->max_size != info->type->min_size);
  cls.inc_ref();
  const MessageInfo* kept = info.release();
  registry().by_class[type] = kept;
  registry().by_id[kept->type_id] = kept;
  registry().slot(type) = {type, kept};
}

py::dict describe(const py::type& cls) {
  const MessageInfo* info = find_message(reinterpret_cast<PyTypeObject*>(cls.ptr()));
  if (!info) throw py::type_error("not a message class");
  py::list members;
  for (const codec::Field& field : info->type->fields) {
    members.append(py::make_tuple(field.name, kind_name(field.type->kind),
                                  info->fixed_layout ? py::object(py::int_(field.offset)) : py::none(),
                                  field.type->unmanaged ? py::object(py::int_(field.type->size)) : py::none(),
                                  field.type->max_size));
  }
  py::dict made;
  made["name"] = info->name;
  made["type_id"] = info->type_id;
  made["form"] = kind_name(info->type->kind);
  made["size"] = info->fixed_size;
  made["align"] = info->type->align;
  made["max_size"] = info->max_size;
  made["variable_length"] = info->variable_length;
  made["members"] = members;
  return made;
}

// Mean time of encode_into() and of decode() as the runtime calls them, without Python's call of a method.
double encode_ns(const py::object& message, std::size_t rounds) {
  std::vector<std::byte> room(encoded_size(message));
  auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < rounds; ++i)
    if (encode_into(message, room.data(), room.size()) > room.size())
      throw std::logic_error("the size changed");
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() /
         double(rounds);
}
double decode_ns(const py::object& message, std::size_t rounds) {
  std::vector<std::byte> bytes(encoded_size(message));
  encode_into(message, bytes.data(), bytes.size());
  const MessageType& type = message_type(message);
  auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < rounds; ++i) decode(type, bytes.data(), bytes.size());
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() /
         double(rounds);
}

}  // namespace

const MessageInfo* find_message_exact(PyTypeObject* type) {
  Registry::Entry& recent = registry().slot(type);
  if (recent.type == type) return recent.info;
  auto found = registry().by_class.find(type);
  if (found == registry().by_class.end()) return nullptr;
  recent = {type, found->second};
  return found->second;
}

const MessageInfo* find_message(PyTypeObject* type) {
  for (; type; type = type->tp_base)
    if (const MessageInfo* info = find_message_exact(type)) return info;
  return nullptr;
}

const MessageType& message_type(py::handle object_or_class) {
  if (PyType_Check(object_or_class.ptr())) {
    auto* type = reinterpret_cast<PyTypeObject*>(object_or_class.ptr());
    if (const MessageInfo* info = find_message(type)) return *info;
    throw Error(ErrorKind::kTypeMismatch, std::string("class ") + type->tp_name +
                                              " is no message class; decorate it with @ringway.message");
  }
  return info_of(object_or_class);
}

py::object message_class_of(u32 type_id) {
  auto found = registry().by_id.find(type_id);
  if (found == registry().by_id.end()) return py::object();
  return py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(found->second->python_class));
}

std::size_t encoded_size(py::handle message) {
  const MessageInfo& info = info_of(message);
  return info.fixed_layout ? info.fixed_size : encode_object_into(*info.type, message.ptr(), nullptr, 0);
}

std::size_t encode_into(py::handle message, std::byte* out, std::size_t room) {
  return encode_object_into(*info_of(message).type, message.ptr(), reinterpret_cast<u8*>(out), room);
}

py::object decode(const MessageType& type, const std::byte* bytes, std::size_t size) {
  const auto& info = static_cast<const MessageInfo&>(type);
  return py::reinterpret_steal<py::object>(
      decode_object(*info.type, reinterpret_cast<const u8*>(bytes), size, nullptr));
}

bool envelope_fields(py::handle message, EnvelopeFields* fields) {
  const std::ptrdiff_t* slots = info_of(message).envelope_slots;
  if (!slots[0] && !slots[1] && !slots[2]) return false;
  *fields = EnvelopeFields();
  auto value = [&](int role) {
    PyObject* held = slots[role] ? slot_at(message.ptr(), slots[role]) : nullptr;
    return held == Py_None ? nullptr : held;
  };
  if (slots[0] && value(0)) {
    uuid_to_wire(value(0), fields->id);
    fields->has_id = true;
  }
  if (slots[1]) {
    if (value(1)) uuid_to_wire(value(1), fields->correlation);
    fields->has_correlation = true;
  }
  if (slots[2] && value(2)) {
    long priority = PyLong_AsLong(value(2));
    if (priority == -1 && PyErr_Occurred()) throw py::error_already_set();
    if (priority < 0 || priority > 255)
      throw codec::EncodeError("priority " + std::to_string(priority) + " is not between 0 and 255");
    fields->priority = u8(priority);
    fields->has_priority = true;
  }
  return true;
}

BodyFields body_fields(const MessageType& type) {
  const auto& info = static_cast<const MessageInfo&>(type);
  BodyFields found;
  BodyField* const roles[] = {&found.id, &found.correlation, &found.priority};
  std::size_t at = 1;  // after the count of the object form's members
  bool known = info.fixed_layout || info.type->kind == Kind::kObject;
  for (const codec::Field& field : info.type->fields) {
    for (std::size_t role = 0; role < 3; ++role) {
      if (!info.envelope_slots[role] || field.host_slot != info.envelope_slots[role]) continue;
      if (!known) {
        throw Error(ErrorKind::kTypeMismatch,
                    info.name + "'s member '" + field.name +
                        "', which the envelope repeats, has no fixed place; declare it before members of "
                        "variable length, or use a queue of any message (message=None)");
      }
      *roles[role] = {i32(info.fixed_layout ? field.offset : at), field.type->kind == Kind::kNullable};
    }
    known = known && (info.fixed_layout || field.type->unmanaged);
    at += field.type->size;
  }
  return found;
}

void init_message(py::module_& module) {
  module.def("register_message", &register_message);
  module.def("describe_message", &describe);
  module.def("selftest_encode_ns", &encode_ns, py::arg("message"), py::arg("rounds"));
  module.def("selftest_decode_ns", &decode_ns, py::arg("message"), py::arg("rounds"));
  module.def("class_of_type_id", [](u32 id) -> py::object {
    py::object found = message_class_of(id);
    return found ? found : py::none();
  });
  init_message_base(module);
}

}  // namespace ringway::bindings
