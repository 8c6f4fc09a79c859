// The portable reader and writer: every form, every bound.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "ringway/wire.h"

namespace ringway {
namespace {

using Reader = WireReader<const u8*>;
using Writer = WireWriter<u8*>;

Reader reading(const std::vector<u8>& bytes) {
  Reader in;
  in.open(bytes.data(), u32(bytes.size()));
  return in;
}

TEST(Wire, WhatIsWrittenIsRead) {
  std::vector<u8> buffer(64);
  Writer out;
  out.open(buffer.data(), 64);
  out.put_u8(200);
  out.put_u16(0xbeef);
  out.put_i32(-5);
  out.put_u64(0x0102030405060708);
  out.put_f32(-2.25f);
  out.put_ascii("abc", 3);
  u32 first = out.put_f32_array(2);
  out.set_f32(first, 0, 1.5f);
  out.set_f32(first, 1, -1.5f);
  ASSERT_FALSE(out.failed);

  Reader in;
  in.open(buffer.data(), out.at);
  EXPECT_EQ(in.get_u8(), 200u);
  EXPECT_EQ(in.get_u16(), 0xbeefu);
  EXPECT_EQ(in.get_i32(), -5);
  EXPECT_EQ(in.get_u64(), 0x0102030405060708ull);
  EXPECT_EQ(in.get_f32(), -2.25f);
  EXPECT_EQ(in.get_i32(), ~3);
  EXPECT_EQ(in.get_i32(), 3);
  EXPECT_EQ(std::memcmp(buffer.data() + in.at, "abc", 3), 0);
  EXPECT_TRUE(in.skip(3));
  EXPECT_EQ(in.get_length(4), 2);
  EXPECT_EQ(in.f32_at(in.at, 1), -1.5f);
  EXPECT_TRUE(in.skip(8));
  EXPECT_EQ(in.left(), 0u);
  EXPECT_FALSE(in.failed);
}

TEST(Wire, NothingIsReadBeyondTheEnd) {
  std::vector<u8> bytes(3, 0xff);
  Reader in = reading(bytes);
  EXPECT_EQ(in.get_u32(), 0u);
  EXPECT_TRUE(in.failed);
  EXPECT_EQ(in.at, 0u);
  in = reading(bytes);
  EXPECT_EQ(in.get_u64(), 0u);
  EXPECT_FALSE(in.skip(4));
  EXPECT_FALSE(in.skip(0xffffffffu));
  EXPECT_TRUE(in.failed);
}

TEST(Wire, NothingIsWrittenBeyondTheEnd) {
  std::vector<u8> buffer(8, 0xaa);
  Writer out;
  out.open(buffer.data(), 3);
  out.put_u32(1);
  EXPECT_TRUE(out.failed);
  EXPECT_EQ(buffer[0], 0xaa);
  for (u32 n : {0u, 1u, 0x3fffffffu, 0x40000000u, 0xffffffffu}) {
    out.open(buffer.data(), 3);
    out.put_f32_array(n);
    EXPECT_TRUE(out.failed) << n;
  }
  out.open(buffer.data(), 8);
  out.put_ascii("too long", 8);
  EXPECT_TRUE(out.failed);
}

TEST(Wire, LengthsAreCheckedAgainstWhatIsLeft) {
  struct Case {
    std::vector<u8> bytes;
    u32 element;
    i32 count;
    bool failed;
  };
  const Case cases[] = {
      {{2, 0, 0, 0, 1, 2, 3, 4}, 2, 2, false},
      {{2, 0, 0, 0, 1, 2, 3}, 2, 0, true},
      {{0xff, 0xff, 0xff, 0xff}, 4, -1, false},
      {{0xfe, 0xff, 0xff, 0xff}, 1, 0, true},
      {{0xff, 0xff, 0xff, 0x7f, 0}, 1, 0, true},
      {{0, 0, 0, 0}, 16, 0, false},
      {{0, 0, 0}, 1, 0, true},
  };
  for (const Case& c : cases) {
    Reader in = reading(c.bytes);
    EXPECT_EQ(in.get_length(c.element), c.count);
    EXPECT_EQ(in.failed, c.failed);
  }
}

TEST(Wire, HeadersAndTags) {
  const std::vector<u8> bytes = {3, 255, 0xfa, 0x2c, 0x01, 7, 251};
  Reader in = reading(bytes);
  EXPECT_EQ(in.get_header(3), 3u);
  EXPECT_EQ(in.get_header(3), u32(kWireNullObject));
  EXPECT_EQ(in.get_tag(), 300u);
  EXPECT_EQ(in.get_tag(), 7u);
  EXPECT_FALSE(in.failed);
  in.get_tag();
  EXPECT_TRUE(in.failed);
  const std::vector<u8> four = {4};
  in = reading(four);
  EXPECT_EQ(in.get_header(3), 0u);
  EXPECT_TRUE(in.failed);
}

TEST(Wire, Varints) {
  const std::vector<std::vector<u8>> fives = {
      {5},          {0x87, 5},          {0x86, 5},          {0x85, 5, 0},
      {0x84, 5, 0}, {0x83, 5, 0, 0, 0}, {0x82, 5, 0, 0, 0}, {0x81, 5, 0, 0, 0, 0, 0, 0, 0}};
  for (const auto& bytes : fives) {
    Reader in = reading(bytes);
    EXPECT_EQ(in.get_varint(), 5u);
    EXPECT_FALSE(in.failed);
    EXPECT_EQ(in.left(), 0u);
  }
  for (const std::vector<u8>& bytes :
       {std::vector<u8>{0x88}, {0xff}, {0x86, 0x80}, {0x84, 0, 0x80}, {0x82, 0, 0, 0, 0x80}, {0x85, 0}}) {
    Reader in = reading(bytes);
    EXPECT_EQ(in.get_varint(), 0u);
    EXPECT_TRUE(in.failed);
  }
}

TEST(Wire, HashOfAName) {
  EXPECT_EQ(fnv1a("", 0), 2166136261u);
  EXPECT_EQ(fnv1a("a", 1), 0xe40c292cu);
  EXPECT_EQ(fnv1a("foobar", 6), 0xbf9cf968u);
}

}  // namespace
}  // namespace ringway
