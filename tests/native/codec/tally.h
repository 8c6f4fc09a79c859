// A builder for codec::Decoder that keeps no values: it counts them, and checks that each lies inside the
// input.
#pragma once
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "codec/decode.h"

namespace ringway::codec {

inline void require(bool truth, const char* what) {
  if (truth) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

class Tally {
 public:
  using Value = std::size_t;  // bytes that the value covers, summed to touch them

  Tally(const u8* bytes, std::size_t size) : begin_(bytes), end_(bytes + size) {}
  std::size_t values = 0, reserved = 0;

  Value null(const Type& type) {
    require(type.null_allowed, "null where the schema has none");
    return count();
  }
  Value image(const Type& type, const u8* bytes, std::size_t offset) {
    return touch(bytes, type.size, offset);
  }
  Value text(const Type&, const u8* bytes, std::size_t n, std::size_t offset) {
    return touch(bytes, n, offset);
  }
  Value text16(const Type&, const u8* bytes, std::size_t n, std::size_t offset) {
    return touch(bytes, n * 2, offset);
  }
  Value blob(const Type&, const u8* bytes, std::size_t n, std::size_t offset) {
    return touch(bytes, n, offset);
  }
  Value block(const Type& type, const u8* bytes, std::size_t n, std::size_t offset) {
    return touch(bytes, n * type.element->size, offset);
  }
  Value list(const Type&, std::size_t n) {
    require(n <= std::size_t(end_ - begin_), "more elements than the input has bytes");
    reserved += n;
    return count();
  }
  void item(Value&, const Type&, std::size_t, Value) {}
  void entry(Value&, const Type&, std::size_t, Value, Value) {}
  Value close(Value value, const Type&) { return value; }
  Value record(const Type&) { return count(); }
  void member(Value&, const Type& type, u32 i, Value) {
    require(i < type.fields.size(), "member beyond the schema");
  }
  void missing(Value&, const Type& type, u32 i, std::size_t) {
    require(i < type.fields.size(), "member beyond the schema");
  }
  Value finish(Value value, const Type&) { return value; }
  Value tagged(const Type& type, std::size_t i, Value value) {
    require(i < type.fields.size(), "case beyond the schema");
    return value;
  }
  Value grid(const Type&, const i32*, Value value) { return value; }

 private:
  Value count() { return ++values, 0; }
  Value touch(const u8* bytes, std::size_t n, std::size_t offset) {
    require(bytes == begin_ + offset && n <= std::size_t(end_ - bytes), "value outside the input");
    ++values;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += bytes[i];
    return sum;
  }
  const u8 *begin_, *end_;
};

}  // namespace ringway::codec
