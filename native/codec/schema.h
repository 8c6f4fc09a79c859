// A schema compiled to a tree of types: what each value looks like on the wire, how small and how large it
// can be.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringway/config.h"

namespace ringway::codec {

enum class Kind : u8 {
  kBool,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kF16,
  kF32,
  kF64,
  kI128,
  kU128,
  kChar,
  kGuid,
  kDecimal,
  kTimeSpan,
  kDateTime,
  kDateTimeOffset,
  kDateOnly,
  kTimeOnly,
  kNullable,    // unmanaged element: padded image; else u8 1 or 255, then the value
  kStruct,      // C memory image
  kPair,        // .NET KeyValuePair: padded image when both halves are unmanaged, else one after the other
  kValueTuple,  // likewise, laid out as .NET's automatic layout does
  kFixedArray,  // `length` elements inside an image
  kString,
  kBytes,
  kBigInteger,
  kArray,
  kSet,
  kMap,   // a map's element is a kPair
  kGrid,  // multi-dimensional array
  kObject,
  kVersioned,
  kTuple,
  kUnion,
};

struct Type;

struct Field {
  std::string name;
  const Type* type = nullptr;
  std::size_t offset = 0;        // in the image
  std::ptrdiff_t host_slot = 0;  // where the host's object keeps the value
  u32 tag = 0;                   // of a union's case
};

// What a host hangs on a type: how it builds and reads the values.
struct HostData {
  virtual ~HostData() = default;
};

struct Type {
  Kind kind = Kind::kBool;
  bool unmanaged = false;     // an image of `size` bytes, aligned to `align`
  bool primitive = false;     // a machine word, for .NET's automatic layout
  bool padded = false;        // the image has bytes between or behind its members
  bool null_allowed = false;  // for types that have a null of their own
  u8 style = 0;               // the host's own numbering of how it holds such values
  u32 size = 0, align = 1;
  u64 min_size = 0;    // fewest bytes on the wire, at least 1
  u64 max_size = 0;    // most bytes on the wire, 0 = unbounded
  u64 max_length = 0;  // declared bound on elements or UTF-8 bytes, 0 = none
  u32 length = 0;      // elements of a fixed array
  u32 rank = 0;        // of a grid
  const Type* element = nullptr;
  std::vector<Field> fields;
  std::unique_ptr<HostData> host;
};

// Owns the types. Messages for a wrong schema are std::invalid_argument.
class Schema {
 public:
  Type* scalar(Kind kind);
  Type* nullable(const Type* element);
  Type* record(
      Kind kind,
      std::vector<Field> fields);  // kStruct, kPair, kValueTuple, kObject, kVersioned, kTuple, kUnion
  Type* fixed_array(const Type* element, u32 length);
  Type* text(Kind kind, u64 max_length);  // kString, kBytes, kBigInteger
  Type* collection(Kind kind, const Type* element, u64 max_length);
  Type* grid(const Type* element, u32 rank);
  Type* forward(Kind kind);  // an object whose members follow by complete()
  void complete(Type* type, std::vector<Field> fields);

 private:
  Type* make(Kind kind);
  std::vector<std::unique_ptr<Type>> types_;
};

inline constexpr int kMaxDepth = 64;  // of nested values, on either way

const char* kind_name(Kind kind);

}  // namespace ringway::codec
