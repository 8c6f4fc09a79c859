// Bytes to values, driven by the schema and total: every input gives a value or a DecodeError with the
// offset. Allocates nothing itself; a builder makes the values. A count reaches the builder only after as
// many of the smallest elements were seen to fit into what is left.
//
// What a builder offers (Value: movable, owns what it holds):
//   Value image(type, bytes, offset)          a whole unmanaged value; `offset` is for its errors
//   Value null(type)                          called only where null is allowed
//   Value text(type, bytes, n, offset), text16(type, bytes, units, offset), blob(type, bytes, n, offset)
//   Value block(type, bytes, n, offset)       n unmanaged elements of an array or set
//   Value list(type, n), void item(list, type, i, Value), Value entry pairs: void entry(map, type, i, Value
//   key, Value value), Value close(list, type) Value record(type), void member(record, type, i, Value), void
//   missing(record, type, i, offset), Value finish(record, type) Value grid(type, lengths, Value flat) flat
//   is what block() or close() gave Value tagged(type, case, Value)
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "codec/error.h"
#include "codec/schema.h"
#include "ringway/wire.h"

namespace ringway::codec {

template <class Builder>
class Decoder {
 public:
  using Value = typename Builder::Value;

  Decoder(Builder& builder, const u8* bytes, std::size_t size) : build_(builder) { in_.open(bytes, size); }

  // The whole input as one value: bytes left over are an error.
  Value whole(const Type& type) {
    Value value = read(type);
    if (in_.left()) fail("bytes after the end of the value");
    return value;
  }
  Value read(const Type& type) {
    if (type.unmanaged) {
      std::size_t offset = in_.at;
      return build_.image(type, take(type.size), offset);
    }
    return reference(type);
  }
  std::size_t consumed() const { return in_.at; }

 private:
  struct Nesting {
    explicit Nesting(Decoder* decoder) : depth(&decoder->depth_) {
      if (++*depth > kMaxDepth) {
        --*depth;
        decoder->fail("values nested deeper than " + std::to_string(kMaxDepth));
      }
    }
    ~Nesting() { --*depth; }
    int* depth;
  };

  [[noreturn]] void fail(const std::string& reason) const { throw DecodeError(in_.at, reason); }
  [[noreturn]] void short_of(u64 bytes, const Type& type) const {
    fail(std::string(kind_name(type.kind)) + " needs " + std::to_string(bytes) + " bytes, " +
         std::to_string(in_.left()) + " left");
  }
  const u8* take(u64 n) {
    if (n > in_.left())
      fail("value needs " + std::to_string(n) + " bytes, " + std::to_string(in_.left()) + " left");
    const u8* at = in_.bytes + in_.at;
    in_.at += n;
    return at;
  }
  Value null(const Type& type) {
    if (!type.null_allowed)
      fail(std::string("null where the schema has a ") + kind_name(type.kind) + " that may not be null");
    return build_.null(type);
  }
  // A collection's count, -1 for null.
  i32 length(const Type& type, u64 element_bytes) {
    if (in_.left() < 4) short_of(4, type);
    i32 count = in_.get_length(element_bytes);
    if (in_.failed)
      fail(std::string(kind_name(type.kind)) + " of " + std::to_string(i32(in_.u32_at(in_.at))) +
           " elements in " + std::to_string(in_.left() - 4) + " bytes");
    return count;
  }
  void within_bound(const Type& type, u64 count) const {
    if (type.max_length && count > type.max_length)
      fail(std::string(kind_name(type.kind)) + " of " + std::to_string(count) + ", the schema allows " +
           std::to_string(type.max_length));
  }

  Value reference(const Type& type) {
    switch (type.kind) {
      case Kind::kString: return text(type);
      case Kind::kBytes:
      case Kind::kBigInteger: return blob(type);
      case Kind::kArray:
      case Kind::kSet: return sequence(type);
      case Kind::kMap: return map(type);
      case Kind::kObject: return object(type);
      default: break;
    }
    Nesting nesting(this);
    switch (type.kind) {
      case Kind::kNullable: return nullable(type);
      case Kind::kPair:
      case Kind::kValueTuple: return members(type, u32(type.fields.size()));
      case Kind::kTuple: {
        u32 count = header(type);
        if (count == kWireNullObject) return null(type);
        if (count != type.fields.size())
          fail("tuple of " + std::to_string(count) + ", the schema has " +
               std::to_string(type.fields.size()));
        return members(type, count);
      }
      case Kind::kVersioned: return versioned(type);
      case Kind::kUnion: return tagged(type);
      default: return grid(type);
    }
  }

  Value text(const Type& type) {
    if (in_.left() < 4) short_of(4, type);
    i32 first = in_.get_i32();
    std::size_t offset = in_.at;
    if (first == -1) {
      in_.at -= 4;
      return null_text(type);
    }
    if (first >= 0) {
      if (u64(first) > in_.left() / 2) short_of(u64(first) * 2, type);
      within_bound(type, u64(first));
      return build_.text16(type, take(u64(first) * 2), u64(first), offset);
    }
    u64 bytes = u64(~i64_of(first));
    if (in_.left() < 4) short_of(4, type);
    in_.at += 4;
    if (bytes > in_.left()) short_of(bytes, type);
    within_bound(type, bytes);
    return build_.text(type, take(bytes), bytes, offset + 4);
  }
  // An empty array has no elements to justify its sides.
  static constexpr u64 kMostEmptySides = 65536;

  static long long i64_of(i32 value) { return value; }
  Value null_text(const Type& type) {
    Value value = null(type);
    in_.at += 4;
    return value;
  }

  Value blob(const Type& type) {
    i32 count = length(type, 1);
    if (count < 0) return null(type);
    within_bound(type, u64(count));
    std::size_t offset = in_.at;
    return build_.blob(type, take(u64(count)), u64(count), offset);
  }

  Value sequence(const Type& type) {
    i32 count = length(type, type.element->min_size);
    if (count < 0) return null(type);
    within_bound(type, u64(count));
    return elements(type, count);
  }
  Value elements(const Type& type, i32 count) {
    const Type& element = *type.element;
    if (element.unmanaged) {
      std::size_t offset = in_.at;
      return build_.block(type, take(u64(count) * element.size), std::size_t(count), offset);
    }
    Nesting nesting(this);
    auto list = build_.list(type, std::size_t(count));
    for (i32 i = 0; i < count; ++i) build_.item(list, type, std::size_t(i), read(element));
    return build_.close(std::move(list), type);
  }

  Value map(const Type& type) {
    Nesting nesting(this);
    const Type& pair = *type.element;
    i32 count = length(type, pair.min_size);
    if (count < 0) return null(type);
    within_bound(type, u64(count));
    auto list = build_.list(type, std::size_t(count));
    for (i32 i = 0; i < count; ++i) {
      const Field &first = pair.fields[0], &second = pair.fields[1];
      if (pair.unmanaged) {
        std::size_t offset = in_.at;
        const u8* at = take(pair.size);
        Value key = build_.image(*first.type, at + first.offset, offset + first.offset);
        build_.entry(list, type, std::size_t(i), std::move(key),
                     build_.image(*second.type, at + second.offset, offset + second.offset));
      } else {
        Value key = read(*first.type);
        build_.entry(list, type, std::size_t(i), std::move(key), read(*second.type));
      }
    }
    return build_.close(std::move(list), type);
  }

  u32 header(const Type& type) {
    if (!in_.left()) short_of(1, type);
    return in_.get_u8();
  }

  Value object(const Type& type) {
    u32 count = header(type);
    if (count == kWireNullObject) return null(type);
    if (count > type.fields.size()) {
      in_.at -= 1;
      fail("object of " + std::to_string(count) + " members, the schema has " +
           std::to_string(type.fields.size()));
    }
    Nesting nesting(this);
    return members(type, count);
  }
  Value members(const Type& type, u32 count) {
    auto record = build_.record(type);
    u32 declared = u32(type.fields.size());
    for (u32 i = 0; i < count; ++i) build_.member(record, type, i, read(*type.fields[i].type));
    for (u32 i = count; i < declared; ++i) build_.missing(record, type, i, in_.at);
    return build_.finish(std::move(record), type);
  }

  Value versioned(const Type& type) {
    u32 count = header(type);
    if (count == kWireNullObject) return null(type);
    if (count > kWireMostMembers)
      fail("version-tolerant object with header " + std::to_string(count) +
           " (references are not supported)");
    u64 lengths[kWireMostMembers];
    for (u32 i = 0; i < count; ++i) {
      lengths[i] = in_.get_varint();
      if (in_.failed) fail("length of member " + std::to_string(i) + " cannot be read");
    }
    auto record = build_.record(type);
    u32 declared = u32(type.fields.size());
    for (u32 i = 0; i < count; ++i) {
      if (lengths[i] > in_.left())
        fail("member of " + std::to_string(lengths[i]) + " bytes, " + std::to_string(in_.left()) + " left");
      u64 end = in_.at + lengths[i];
      if (i >= declared) {
        in_.at = end;
      } else if (lengths[i] == 0) {
        build_.missing(record, type, i, in_.at);
      } else {
        u64 outer = std::exchange(in_.size, end);
        build_.member(record, type, i, read(*type.fields[i].type));
        if (in_.at != end) fail("member shorter than its length");
        in_.size = outer;
      }
    }
    for (u32 i = count; i < declared; ++i) build_.missing(record, type, i, in_.at);
    return build_.finish(std::move(record), type);
  }

  Value nullable(const Type& type) {
    u32 mark = header(type);
    if (mark == kWireNullObject) return build_.null(type);
    if (mark != 1) fail("nullable value marked " + std::to_string(mark) + ", neither 1 nor 255");
    return read(*type.element);
  }

  Value tagged(const Type& type) {
    u32 tag = in_.get_tag();
    if (in_.failed) fail("tag of a union cannot be read");
    if (tag == kWireNullObject << 16) return null(type);
    for (std::size_t i = 0; i < type.fields.size(); ++i)
      if (type.fields[i].tag == tag) return build_.tagged(type, i, read(*type.fields[i].type));
    fail("tag " + std::to_string(tag) + " is not in the union");
  }

  Value grid(const Type& type) {
    u32 mark = header(type);
    if (mark == kWireNullObject) return null(type);
    if (mark != type.rank + 1)
      fail("array of " + std::to_string(i32(mark) - 1) + " dimensions, the schema has " +
           std::to_string(type.rank));
    i32 lengths[4] = {};
    u64 product = 1, sides = 1;
    for (u32 i = 0; i < type.rank; ++i) {
      lengths[i] = in_.get_i32();
      if (in_.failed || lengths[i] < 0) fail("length of a dimension cannot be read");
      product =
          lengths[i] && product > (u64(1) << 31) / u64(lengths[i]) ? u64(1) << 32 : product * u64(lengths[i]);
      if (lengths[i]) sides = std::min<u64>(sides * u64(lengths[i]), u64(1) << 31);
    }
    if (product == 0 && sides > kMostEmptySides) fail("empty array with sides of " + std::to_string(sides));
    i32 count = length(type, type.element->min_size);
    if (count < 0 || u64(count) != product)
      fail("array whose lengths do not give its " + std::to_string(count) + " elements");
    return build_.grid(type, lengths, elements(type, count));
  }

  Builder& build_;
  WireReader<const u8*, u64> in_;
  int depth_ = 0;
};

}  // namespace ringway::codec
