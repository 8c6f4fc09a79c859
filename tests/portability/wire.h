// Every entry point of the wire reader and writer.
#pragma once
#include "ringway/wire.h"

namespace ringway {

RW_FN u32 touch_wire(RW_SHARED u8* memory, u32 bytes) {
  WireReader<const RW_SHARED u8*> in;
  in.open(memory, bytes);
  u32 sum =
      in.get_header(9) + in.get_u8() + in.get_u16() + in.get_u32() + u32(in.get_u64()) + u32(in.get_i32());
  sum += u32(in.get_f32()) + in.get_tag() + u32(in.get_varint()) + u32(in.get_bool()) + u32(in.skip(1));
  i32 count = in.get_length(4);
  if (count > 0) sum += u32(in.f32_at(in.at, 0));
  if (sum == 0) in.fail();

  WireWriter<RW_SHARED u8*> out;
  out.open(memory, bytes);
  out.put_u8(1);
  out.put_u16(2);
  out.put_u32(3);
  out.put_i32(-3);
  out.put_u64(4);
  out.put_f32(5.0f);
  out.put_ascii("abc", 3);
  u32 first = out.put_f32_array(1);
  if (!out.failed) out.set_f32(first, 0, 1.0f);
  return sum + fnv1a("abc", 3) + u32(in.failed) + in.left();
}

}  // namespace ringway
