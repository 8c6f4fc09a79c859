#include "codec/schema.h"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "ringway/wire.h"

namespace ringway::codec {
namespace {

struct Scalar {
  u32 size, align;
  bool primitive;
};

// .NET's sizes and alignments; structures such as Guid count as no primitive in its automatic layout.
Scalar scalar_layout(Kind kind) {
  switch (kind) {
    case Kind::kBool:
    case Kind::kI8:
    case Kind::kU8: return {1, 1, true};
    case Kind::kI16:
    case Kind::kU16:
    case Kind::kChar: return {2, 2, true};
    case Kind::kF16: return {2, 2, false};
    case Kind::kI32:
    case Kind::kU32:
    case Kind::kF32: return {4, 4, true};
    case Kind::kDateOnly: return {4, 4, false};
    case Kind::kI64:
    case Kind::kU64:
    case Kind::kF64: return {8, 8, true};
    case Kind::kTimeSpan:
    case Kind::kDateTime:
    case Kind::kTimeOnly: return {8, 8, false};
    case Kind::kI128:
    case Kind::kU128: return {16, 16, false};
    case Kind::kGuid: return {16, 4, false};
    case Kind::kDecimal:
    case Kind::kDateTimeOffset: return {16, 8, false};
    default: throw std::invalid_argument("not a scalar");
  }
}

u32 align_up(u64 at, u32 align) {
  u64 aligned = (at + align - 1) / align * align;
  if (aligned > 0xffffff) throw std::invalid_argument("an image above 16 MiB");
  return u32(aligned);
}

void lay_out(Type* type, const std::vector<std::size_t>& order) {
  u64 at = 0;
  for (std::size_t i : order) {
    Field& field = type->fields[i];
    field.offset = align_up(at, field.type->align);
    at = field.offset + field.type->size;
    type->align = std::max(type->align, field.type->align);
  }
  u32 align = type->align;
  if (type->kind == Kind::kValueTuple && at <= 8)
    for (align = 1; align < at;) align *= 2;
  type->size = align_up(at, align);
}

// .NET's automatic layout: primitives by falling size, then the other value types, both in declared order.
std::vector<std::size_t> field_order(const Type& type) {
  std::vector<std::size_t> order(type.fields.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (type.kind != Kind::kValueTuple) return order;
  auto key = [&](std::size_t i) { return type.fields[i].type->primitive ? type.fields[i].type->size : 0; };
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  return order;
}

u64 sum(u64 a, u64 b) {
  return a == 0 || b == 0 ? 0 : a + b;
}

void measure_union(Type* type) {
  u64 most = 1;
  for (const Field& field : type->fields) {
    if (field.tag > 0xffff)
      throw std::invalid_argument("union tag " + std::to_string(field.tag) + " above 65535");
    most = most == 0 || field.type->max_size == 0 ? 0 : std::max(most, field.type->max_size + 3);
  }
  type->min_size = 1;
  type->max_size = most;
}

// Most bytes that the length of a member of so many takes.
u64 length_bytes(u64 most) {
  return most < 1 << 7 ? 1 : most < 1 << 15 ? 3 : 5;
}

// Bytes around the members: their count, and in the version-tolerant form their lengths.
void measure_members(Type* type) {
  bool counted = type->kind == Kind::kObject || type->kind == Kind::kVersioned || type->kind == Kind::kTuple;
  u64 header = counted ? 1 : 0;
  u64 least = header, most = header;
  bool bounded = true;
  for (const Field& field : type->fields) {
    if (!counted) least += field.type->min_size;
    if (field.type->max_size == 0) bounded = false;
    most += field.type->max_size + (type->kind == Kind::kVersioned ? length_bytes(field.type->max_size) : 0);
  }
  type->min_size = std::max<u64>(least, 1);
  type->max_size = bounded ? most : 0;
}

}  // namespace

Type* Schema::make(Kind kind) {
  types_.push_back(std::make_unique<Type>());
  types_.back()->kind = kind;
  return types_.back().get();
}

Type* Schema::scalar(Kind kind) {
  Type* type = make(kind);
  Scalar layout = scalar_layout(kind);
  type->unmanaged = true;
  type->primitive = layout.primitive;
  type->size = layout.size;
  type->align = layout.align;
  type->min_size = type->max_size = layout.size;
  return type;
}

Type* Schema::nullable(const Type* element) {
  Type* type = make(Kind::kNullable);
  type->element = element;
  type->null_allowed = true;
  type->unmanaged = element->unmanaged;
  if (type->unmanaged) {
    type->align = element->align;
    type->size = align_up(u64(element->align) + element->size, element->align);
    type->min_size = type->max_size = type->size;
  } else {
    type->min_size = 1;
    type->max_size = sum(1, element->max_size);
  }
  return type;
}

Type* Schema::record(Kind kind, std::vector<Field> fields) {
  Type* type = make(kind);
  complete(type, std::move(fields));
  return type;
}

Type* Schema::forward(Kind kind) {
  Type* type = make(kind);
  type->min_size = 1;
  return type;
}

void Schema::complete(Type* type, std::vector<Field> fields) {
  bool image = type->kind == Kind::kStruct || type->kind == Kind::kPair || type->kind == Kind::kValueTuple;
  if (fields.size() > kWireMostMembers)
    throw std::invalid_argument(std::to_string(fields.size()) + " members; the wire form has at most 249");
  if (image && fields.empty()) throw std::invalid_argument("a structure without members has no wire form");
  type->fields = std::move(fields);
  type->unmanaged = image && std::all_of(type->fields.begin(), type->fields.end(),
                                         [](const Field& field) { return field.type->unmanaged; });
  if (type->kind == Kind::kStruct && !type->unmanaged)
    for (const Field& field : type->fields)
      if (!field.type->unmanaged)
        throw std::invalid_argument("field '" + field.name + "' of the struct form has no fixed size");
  if (type->unmanaged) {
    lay_out(type, field_order(*type));
    u64 used = 0;
    for (const Field& field : type->fields) used += field.type->size;
    type->padded = used != type->size;
    type->min_size = type->max_size = type->size;
  } else if (type->kind == Kind::kUnion) {
    measure_union(type);
  } else {
    measure_members(type);
  }
}

Type* Schema::fixed_array(const Type* element, u32 length) {
  if (!element->unmanaged || length == 0)
    throw std::invalid_argument("a fixed array needs a length and elements of a fixed size");
  Type* type = make(Kind::kFixedArray);
  type->element = element;
  type->length = length;
  type->unmanaged = true;
  type->align = element->align;
  type->size = align_up(u64(element->size) * length, 1);
  type->min_size = type->max_size = type->size;
  return type;
}

Type* Schema::text(Kind kind, u64 max_length) {
  Type* type = make(kind);
  type->min_size = 4;
  type->max_length = max_length;
  u64 header = kind == Kind::kString ? 8 : 4;
  if (max_length) type->max_size = header + max_length;
  return type;
}

Type* Schema::collection(Kind kind, const Type* element, u64 max_length) {
  Type* type = make(kind);
  type->element = element;
  type->min_size = 4;
  type->max_length = max_length;
  if (max_length && element->max_size) {
    if (max_length > (u64(1) << 32) / element->max_size) throw std::invalid_argument("a bound above 4 GiB");
    type->max_size = 4 + max_length * element->max_size;
  }
  return type;
}

Type* Schema::grid(const Type* element, u32 rank) {
  if (rank < 2 || rank > 4) throw std::invalid_argument("a multi-dimensional array has 2 to 4 dimensions");
  Type* type = make(Kind::kGrid);
  type->element = element;
  type->rank = rank;
  type->min_size = 1;
  return type;
}

const char* kind_name(Kind kind) {
  static constexpr std::array kNames = {
      "bool",    "int8",       "uint8",    "int16",          "uint16",   "int32",      "uint32",   "int64",
      "uint64",  "float16",    "float32",  "float64",        "int128",   "uint128",    "char",     "guid",
      "decimal", "timespan",   "datetime", "datetimeoffset", "dateonly", "timeonly",   "nullable", "struct",
      "pair",    "valuetuple", "fixed",    "string",         "bytes",    "biginteger", "array",    "set",
      "map",     "ndarray",    "object",   "versioned",      "tuple",    "union"};
  return kNames[std::size_t(kind)];
}

}  // namespace ringway::codec
