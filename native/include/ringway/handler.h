// The contract between a handler and the loop that runs it.
//
// A handler is a struct with a trivially copyable `State` (zero-filled at launch) and one entry that takes a run of
// messages, so that state and context can live in registers for the batch:
//
//   struct Echo {
//     struct State { u64 seen; };
//     template <class Ctx>
//     static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
//                            RW_PRIVATE DrainStatus* status);
//   };
//
// `first` is the first slot (its 8-byte header; the payload follows), the i-th message is `stride * i` bytes further.
// The entry returns how many messages it is done with; the loop releases those. When that is fewer than n, `status`
// says why, and the next message is the one that it speaks of. A handler never waits: without room for its output it
// stops at the message with kAgain, and gets the same message again later.
//
// What a context offers, the same names on every backend:
//   u32  input()                        0 = mailbox (enveloped); i >= 1 = the i-th link into this kernel, bare
//   RW_SHARED u8* reserve(output, bytes)  room for one payload on an output, or null: 0 = to the host (receive), as
//                                       plain bytes; i >= 1 = the i-th link out of this kernel, in the order they
//                                       were made
//   void commit(output, bytes)          publishes what the last reserve on that output gave
//   RW_SHARED u8* reserve_message(type_id, bytes)  as reserve(0), with a type; commit(0, bytes) publishes it
//   RW_SHARED u8* reserve_answer(request, type_id, bytes)  body of the answer to an enveloped message: to its sender,
//                                       or to the host when it names none; null when there is no room
//   u32  answer_id(i)                   word i, 0 to 3, of the id of the answer that was reserved
//   void commit_answer(bytes)
//   RW_SHARED u8* buffer(handle, RW_PRIVATE u64* bytes)  memory behind a buffer handle; null when there is no such one
//   u64  now_us()                       since the Unix epoch
//   u64  now_ns()                       of a clock that only counts up; on a device it may stand still while the
//                                       handler runs
//   bool wait_until(ns)                 true once now_ns() is there. Where handlers run in slices of bounded length it
//                                       does not wait: the handler stops at the message with kUnfinished
// And what the loop tells it, before it releases messages that the handler is done with:
//   void handled(ticket, n)             n messages of input() from `ticket` on
#pragma once
#include "layout.h"

namespace ringway {

enum DrainCode : u32 {
  kDrained = 0,
  kAgain = 1,   // an output has no room, or another input must come first: nothing of this message was stored
  kFailed = 2,  // the message is at fault: it is consumed, its sender gets error number `error`
  kBroken =
      3,  // the handler broke on the message, as by an exception: as kFailed, then the kernel's policy applies
  kUnfinished =
      4,  // the handler has begun the message, and goes on with it when it gets it again: see wait_until()
};

// Of a kernel that a program brings: bytes of a state that lives in locals for a batch; copying a larger one would take
// longer than a batch, and fill the stack.
enum : u32 { kStateInLocals = 512 };
// Its error number for a message on which it sent more than its outputs and the memory beside them hold, on a device.
enum : u32 { kSentTooMuch = 0xffff };

struct DrainStatus {
  u32 code;
  u32 error;  // an index into the kernel's table of error texts
};

// What a slot holds, `slot` as in drain(). The size lies in the upper word of the header on every backend.
RW_FN u32 payload_bytes(RW_SHARED const u8* slot) {
  return *(RW_SHARED const u32*)(slot + 4) & kSizeMask;
}
RW_FN RW_SHARED u8* payload(RW_SHARED u8* slot) {
  return slot + 8;
}
// Of an enveloped message, input 0.
RW_FN RW_SHARED Envelope* envelope(RW_SHARED u8* slot) {
  return (RW_SHARED Envelope*)(slot + 8);
}
RW_FN RW_SHARED u8* body(RW_SHARED u8* slot) {
  return slot + 8 + sizeof(Envelope);
}
RW_FN u32 body_bytes(RW_SHARED const u8* slot) {
  return payload_bytes(slot) - u32(sizeof(Envelope));
}

RW_FN void copy_bytes(RW_SHARED u8* to, RW_SHARED const u8* from, u32 bytes) {
  u32 i = 0;
  for (; i + 8 <= bytes; i += 8) *(RW_SHARED u64*)(to + i) = *(RW_SHARED const u64*)(from + i);
  for (; i < bytes; ++i) to[i] = from[i];
}

}  // namespace ringway
