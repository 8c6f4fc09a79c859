// Bounds-checked MemoryPack, byte by byte and little-endian on every processor: used by codec/ on the host and by handlers on devices.
// A failed read or write sets `failed`, moves nothing and gives zero; so a handler may read a whole message and ask once at the end.
// `Bytes` is a pointer to u8 in any address space, `Text` one to char (a literal is in the constant space on Metal), `Size` the offset
// type (u32 on devices, where no message reaches 4 GiB).
#pragma once
#include "config.h"

namespace ringway {

enum : u32 {
  kWireNullObject = 255,   // in place of a member count, or of a union's tag
  kWireWideTag = 250,      // the union's tag follows in two bytes
  kWireMostMembers = 249,  // the largest member count
};

// FNV-1a, 32 bits: the type id of a wire name.
template <class Text> RW_FN u32 fnv1a(Text text, u32 bytes) {
  u32 hash = 2166136261u;
  for (u32 i = 0; i < bytes; ++i) hash = (hash ^ u8(text[i])) * 16777619u;
  return hash;
}

union WireFloat {
  u32 bits;
  float value;
};

template <class Bytes, class Size = u32> struct WireReader {
  Bytes bytes;
  Size size, at;
  bool failed;

  RW_FN void open(Bytes from, Size n) {
    bytes = from;
    size = n;
    at = 0;
    failed = false;
  }
  RW_FN Size left() const { return size - at; }
  RW_FN bool need(Size n) {
    if (n <= size - at) return true;
    failed = true;
    return false;
  }
  RW_FN void fail() { failed = true; }
  RW_FN bool skip(Size n) {
    if (!need(n)) return false;
    at += n;
    return true;
  }

  RW_FN u32 get_u8() { return need(1) ? bytes[at++] : 0; }
  RW_FN bool get_bool() { return get_u8() != 0; }
  RW_FN u32 get_u16() {
    if (!need(2)) return 0;
    u32 value = u32(bytes[at]) | u32(bytes[at + 1]) << 8;
    at += 2;
    return value;
  }
  RW_FN u32 get_u32() {
    if (!need(4)) return 0;
    u32 value = u32_at(at);
    at += 4;
    return value;
  }
  RW_FN u64 get_u64() {
    if (!need(8)) return 0;
    u64 value = u64(u32_at(at)) | u64(u32_at(at + 4)) << 32;
    at += 8;
    return value;
  }
  RW_FN i32 get_i32() { return i32(get_u32()); }
  RW_FN float get_f32() {
    WireFloat word;
    word.bits = get_u32();
    return word.value;
  }

  // Member count of an object, or kWireNullObject. More than `declared` members fail; fewer are for the caller to default.
  RW_FN u32 get_header(u32 declared) {
    u32 count = get_u8();
    if (count != kWireNullObject && count > declared) failed = true;
    return failed ? 0 : count;
  }

  // Count of a collection, -1 for null; fails when fewer than `element_bytes` per element are left. `element_bytes` is never 0.
  RW_FN i32 get_length(Size element_bytes) {
    if (!need(4)) return 0;
    i32 count = i32(u32_at(at));
    if (count < -1 || (count > 0 && Size(count) > (left() - 4) / element_bytes)) {
      failed = true;
      return 0;
    }
    at += 4;
    return count;
  }

  // Tag of a union, or kWireNullObject << 16 for null.
  RW_FN u32 get_tag() {
    u32 tag = get_u8();
    if (tag == kWireNullObject) return kWireNullObject << 16;
    if (tag == kWireWideTag) return get_u16();
    if (tag > kWireWideTag) failed = true;
    return tag;
  }

  // A length of the version-tolerant form: one byte up to 127, else a code and the value. Negative values fail.
  RW_FN u64 get_varint() {
    u32 code = get_u8();
    if (code <= 127) return code;
    u64 value = 0;
    if (code == 0x87 || code == 0x86)
      value = get_u8();
    else if (code == 0x85 || code == 0x84)
      value = get_u16();
    else if (code == 0x83 || code == 0x82)
      value = get_u32();
    else if (code == 0x81 || code == 0x80)
      value = get_u64();
    else
      failed = true;
    if ((code == 0x86 && value >> 7) || (code == 0x84 && value >> 15) || (code == 0x82 && value >> 31) ||
        (code == 0x80 && value >> 63))
      failed = true;
    return failed ? 0 : value;
  }

  // Element i of an array of f32 that began at `first` and that get_length() has accepted.
  RW_FN float f32_at(Size first, u32 i) const {
    WireFloat word;
    word.bits = u32_at(first + Size(i) * 4);
    return word.value;
  }
  RW_FN u32 u32_at(Size offset) const {
    return u32(bytes[offset]) | u32(bytes[offset + 1]) << 8 | u32(bytes[offset + 2]) << 16 |
           u32(bytes[offset + 3]) << 24;
  }
};

template <class Bytes, class Size = u32> struct WireWriter {
  Bytes bytes;
  Size size, at;
  bool failed;

  RW_FN void open(Bytes to, Size n) {
    bytes = to;
    size = n;
    at = 0;
    failed = false;
  }
  RW_FN bool need(Size n) {
    if (n <= size - at) return true;
    failed = true;
    return false;
  }

  RW_FN void put_u8(u32 value) {
    if (need(1)) bytes[at++] = u8(value);
  }
  RW_FN void put_u16(u32 value) {
    if (!need(2)) return;
    bytes[at] = u8(value);
    bytes[at + 1] = u8(value >> 8);
    at += 2;
  }
  RW_FN void put_u32(u32 value) {
    if (!need(4)) return;
    set_u32(at, value);
    at += 4;
  }
  RW_FN void put_u64(u64 value) {
    if (!need(8)) return;
    set_u32(at, u32(value));
    set_u32(at + 4, u32(value >> 32));
    at += 8;
  }
  RW_FN void put_i32(i32 value) { put_u32(u32(value)); }
  RW_FN void put_f32(float value) {
    WireFloat word;
    word.value = value;
    put_u32(word.bits);
  }
  template <class Text> RW_FN void put_bytes(Text from, u32 n) {
    if (!need(n)) return;
    for (u32 i = 0; i < n; ++i) bytes[at + i] = u8(from[i]);
    at += n;
  }
  // ASCII text, whose UTF-16 length is its length; -1 = null.
  template <class Text> RW_FN void put_ascii(Text text, i32 n) {
    if (n <= 0) {
      put_i32(n);
      return;
    }
    put_i32(~n);
    put_i32(n);
    put_bytes(text, u32(n));
  }
  // Room for n elements of f32 behind their count, to be filled by set_f32(); the offset of the first.
  RW_FN Size put_f32_array(u32 n) {
    if (n > (size - at) / 4 || !need(4 + Size(n) * 4)) {
      failed = true;
      return at;
    }
    put_u32(n);
    Size first = at;
    at += Size(n) * 4;
    return first;
  }
  RW_FN void set_f32(Size first, u32 i, float value) {
    WireFloat word;
    word.value = value;
    set_u32(first + Size(i) * 4, word.bits);
  }
  RW_FN void set_u32(Size offset, u32 value) {
    bytes[offset] = u8(value);
    bytes[offset + 1] = u8(value >> 8);
    bytes[offset + 2] = u8(value >> 16);
    bytes[offset + 3] = u8(value >> 24);
  }
};

}  // namespace ringway
