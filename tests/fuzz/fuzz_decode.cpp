// libFuzzer: the first bytes choose a schema, the rest is decoded with it. Whatever the input, decoding ends
// in a value or a DecodeError, reads nothing outside the input and announces no more elements than the input
// has bytes. Without libFuzzer the same program runs the files that it is given (RINGWAY_FUZZ_MAIN).
#include <cstdint>
#include <memory>
#include <vector>

#include "codec/schema.h"
#include "native/codec/tally.h"

namespace {

using namespace ringway;
using namespace ringway::codec;

class SchemaFromBytes {
 public:
  SchemaFromBytes(const u8* at, const u8* end) : at_(at), end_(end) {}
  Schema schema;
  const u8* rest() const { return at_; }

  Type* type(int depth) {
    u8 choice = next();
    bool nullable = choice & 0x80;
    Type* made = reference(choice & 0x7f, depth);
    if (!made->unmanaged) made->null_allowed = nullable;
    return made;
  }

 private:
  u8 next() { return at_ < end_ ? *at_++ : 0; }
  Type* scalar() { return schema.scalar(Kind(next() % (int(Kind::kTimeOnly) + 1))); }

  Type* reference(int choice, int depth) {
    if (depth == 0) return choice % 2 ? scalar() : schema.text(Kind::kString, 0);
    switch (choice % 14) {
      case 0: return scalar();
      case 1: return schema.nullable(scalar());
      case 2: return schema.text(Kind::kString, next() % 4 ? 0 : 5);
      case 3: return schema.text(Kind::kBytes, 0);
      case 4: return schema.collection(Kind::kArray, type(depth - 1), next() % 4 ? 0 : 3);
      case 5: return schema.collection(Kind::kSet, type(depth - 1), 0);
      case 6: return schema.collection(Kind::kMap, schema.record(Kind::kPair, members(2, depth)), 0);
      case 7: return schema.grid(type(depth - 1), 2 + next() % 3);
      case 8: return schema.record(Kind::kTuple, members(1 + next() % 3, depth));
      case 9: return schema.record(Kind::kValueTuple, members(1 + next() % 3, depth));
      case 10: return schema.record(Kind::kVersioned, members(next() % 4, depth));
      case 11: return schema.record(Kind::kUnion, members(1 + next() % 3, depth));
      case 12: return recursive(depth);
      default: return schema.record(Kind::kObject, members(next() % 4, depth));
    }
  }
  Type* recursive(int depth) {
    Type* made = schema.forward(Kind::kObject);
    std::vector<Field> fields = members(1, depth);
    fields.push_back({});
    fields.back().type = schema.collection(Kind::kArray, made, 0);
    schema.complete(made, std::move(fields));
    return made;
  }
  std::vector<Field> members(std::size_t n, int depth) {
    std::vector<Field> made(n);
    for (std::size_t i = 0; i < n; ++i) {
      made[i].type = type(depth - 1);
      made[i].tag = u32(i) * 249;
    }
    return made;
  }

  const u8 *at_, *end_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SchemaFromBytes from(data, data + size);
  Type* type = from.type(3);
  std::vector<u8> exact(from.rest(),
                        data + size);  // a heap block of its own, so that a sanitizer sees its end
  Tally tally(exact.data(), exact.size());
  try {
    Decoder<Tally>(tally, exact.data(), exact.size()).whole(*type);
  } catch (const DecodeError& error) {
    require(error.offset() <= exact.size(), "offset beyond the input");
  }
  return 0;
}

#ifdef RINGWAY_FUZZ_MAIN
#include <random>

// A fixed number of random inputs, biased to small bytes and to 0xff.
int main() {
  std::mt19937 random(20260101);
  std::vector<u8> input;
  for (int round = 0; round < 300000; ++round) {
    input.resize(random() % 96);
    for (u8& byte : input)
      byte = random() % 4 == 0 ? u8(random()) : random() % 8 == 0 ? 0xff : u8(random() % 6);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
}
#endif
