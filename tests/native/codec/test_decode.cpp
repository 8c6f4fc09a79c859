// Schemas compiled and bytes decoded without Python.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "codec/schema.h"
#include "native/codec/tally.h"

namespace ringway::codec {
namespace {

Field field(std::string name, const Type* type) {
  Field made;
  made.name = std::move(name);
  made.type = type;
  return made;
}

std::size_t values_of(const Type& type, const std::vector<u8>& bytes) {
  Tally tally(bytes.data(), bytes.size());
  Decoder<Tally>(tally, bytes.data(), bytes.size()).whole(type);
  return tally.values;
}

std::string error_of(const Type& type, const std::vector<u8>& bytes) {
  try {
    values_of(type, bytes);
  } catch (const DecodeError& error) {
    EXPECT_LE(error.offset(), bytes.size());
    return error.what();
  }
  return "";
}

TEST(Schema, StructsHaveTheCLayout) {
  struct Image {
    u8 a;
    double b;
    u8 c;
    short d;
  };
  Schema schema;
  Type* type = schema.record(Kind::kStruct,
                             {field("a", schema.scalar(Kind::kU8)), field("b", schema.scalar(Kind::kF64)),
                              field("c", schema.scalar(Kind::kU8)), field("d", schema.scalar(Kind::kI16))});
  EXPECT_EQ(type->size, sizeof(Image));
  EXPECT_EQ(type->fields[1].offset, offsetof(Image, b));
  EXPECT_EQ(type->fields[3].offset, offsetof(Image, d));
  EXPECT_EQ(type->min_size, sizeof(Image));
}

TEST(Schema, NullableOfUnmanagedIsPadded) {
  Schema schema;
  EXPECT_EQ(schema.nullable(schema.scalar(Kind::kGuid))->size, 20u);
  EXPECT_EQ(schema.nullable(schema.scalar(Kind::kU8))->size, 2u);
  EXPECT_EQ(schema.nullable(schema.scalar(Kind::kF64))->size, 16u);
}

TEST(Schema, LargestSizes) {
  Schema schema;
  Type* floats = schema.collection(Kind::kArray, schema.scalar(Kind::kF32), 25);
  EXPECT_EQ(floats->max_size, 104u);
  Type* text = schema.text(Kind::kString, 10);
  EXPECT_EQ(text->max_size, 18u);
  EXPECT_EQ(schema.record(Kind::kObject, {field("a", floats), field("s", text)})->max_size, 1u + 104 + 18);
  EXPECT_EQ(schema.record(Kind::kObject, {field("s", schema.text(Kind::kString, 0))})->max_size, 0u);
}

TEST(Schema, RefusesWhatHasNoForm) {
  Schema schema;
  EXPECT_THROW(schema.record(Kind::kStruct, {field("s", schema.text(Kind::kString, 0))}),
               std::invalid_argument);
  EXPECT_THROW(schema.fixed_array(schema.scalar(Kind::kU64), 1u << 30), std::invalid_argument);
  EXPECT_THROW(schema.grid(schema.scalar(Kind::kU8), 1), std::invalid_argument);
}

TEST(Decode, EveryTruncationIsAnError) {
  Schema schema;
  Type* inner = schema.record(Kind::kObject, {field("x", schema.scalar(Kind::kF32))});
  Type* type = schema.record(Kind::kObject, {field("id", schema.scalar(Kind::kI32)),
                                             field("list", schema.collection(Kind::kArray, inner, 0)),
                                             field("s", schema.text(Kind::kString, 0))});
  std::vector<u8> bytes = {3, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0, 'a'};
  EXPECT_EQ(values_of(*type, bytes), 6u);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_NE(error_of(*type, {bytes.begin(), bytes.begin() + std::ptrdiff_t(n)}), "") << n;
}

TEST(Decode, NestingIsBounded) {
  Schema schema;
  Type* tree = schema.forward(Kind::kObject);
  schema.complete(tree, {field("children", schema.collection(Kind::kArray, tree, 0))});
  std::vector<u8> bytes;
  for (int i = 0; i < 100000; ++i) bytes.insert(bytes.end(), {1, 1, 0, 0, 0});
  EXPECT_NE(error_of(*tree, bytes).find("nested deeper than 64"), std::string::npos);
}

TEST(Decode, NullNeedsLeave) {
  Schema schema;
  Type* text = schema.text(Kind::kString, 0);
  std::vector<u8> null = {0xff, 0xff, 0xff, 0xff};
  EXPECT_NE(error_of(*text, null).find("may not be null at byte 0"), std::string::npos);
  text->null_allowed = true;
  EXPECT_EQ(values_of(*text, null), 1u);
}

TEST(Decode, BoundsOfTheSchemaAreKept) {
  Schema schema;
  Type* bytes = schema.text(Kind::kBytes, 2);
  EXPECT_EQ(error_of(*bytes, {2, 0, 0, 0, 1, 2}), "");
  EXPECT_NE(error_of(*bytes, {3, 0, 0, 0, 1, 2, 3}).find("the schema allows 2"), std::string::npos);
}

}  // namespace
}  // namespace ringway::codec
