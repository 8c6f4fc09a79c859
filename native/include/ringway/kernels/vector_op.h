// vector_op: adds, subtracts, multiplies or divides two vectors of f32, element by element. Up to 25 elements travel
// in the message; longer vectors lie in buffers that the message names by handle. Division follows IEEE 754: x / 0 is
// an infinity, 0 / 0 is NaN. Empty vectors give an empty result. A request that can be read but not be answered by a
// result gets a VectorResponse with success = false and the reason.
#pragma once
#include "../handler.h"
#include "../wire.h"

namespace ringway {

enum : u32 { kVectorMembers = 11, kVectorInline = 25 };
enum VectorOpCode : u32 { kVectorAdd, kVectorSubtract, kVectorMultiply, kVectorDivide, kVectorOps };
enum VectorError : u32 {
  kVectorUndecodable = 0,  // the only error number of the handler: no answer of the protocol fits
};
enum VectorFault : u32 {
  kVectorGood,
  kVectorUnknownOp,
  kVectorLengths,
  kVectorTooLong,
  kVectorNoBuffer,
  kVectorSmallBuffer,
  kVectorUnaligned,
};

struct VectorAsk {
  u32 op, length, priority;
  bool by_handle;
  u64 a, b, result;      // handles
  u32 a_first, b_first;  // offsets of the elements in the body
  i32 a_count, b_count;  // -1 = null
  u32 length_is_negative;
};

struct VectorBuffers {
  RW_SHARED float* a;
  RW_SHARED float* b;
  RW_SHARED float* result;
};

RW_FN float vector_element(u32 op, float a, float b) {
  switch (op) {
    case kVectorAdd: return a + b;
    case kVectorSubtract: return a - b;
    case kVectorMultiply: return a * b;
    default: return a / b;
  }
}

struct VectorOperation {
  struct State {
    u64 elements;  // processed since launch
  };

  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    u64 elements = 0;
    u32 i = 0;
    for (; i < n; ++i) {
      RW_SHARED u8* slot = first + u64(stride) * i;
      WireReader<RW_SHARED u8*> in;
      VectorAsk ask;
      if (ctx->input() != 0 || !open(&in, slot) || !read(&in, &ask)) {
        status->code = kFailed;
        status->error = kVectorUndecodable;
        break;
      }
      if (!answer(ctx, slot, &in, &ask)) {
        status->code = kAgain;
        break;
      }
      elements += ask.length;
    }
    state->elements += elements;
    return i;
  }

 private:
  static RW_FN bool open(RW_PRIVATE WireReader<RW_SHARED u8*>* in, RW_SHARED u8* slot) {
    if (payload_bytes(slot) < sizeof(Envelope)) return false;
    in->open(body(slot), body_bytes(slot));
    return true;
  }

  // False when the body is not a whole VectorRequest.
  static RW_FN bool read(RW_PRIVATE WireReader<RW_SHARED u8*>* in, RW_PRIVATE VectorAsk* ask) {
    if (in->get_header(kVectorMembers) != kVectorMembers) return false;
    in->skip(16);  // the id, which the envelope has too
    ask->priority = in->get_u8();
    in->skip(20);  // the correlation id
    const i32 length = in->get_i32();
    ask->length_is_negative = length < 0;
    ask->length = u32(length);
    ask->op = in->get_u32();
    ask->by_handle = in->get_bool();
    ask->a = in->get_u64();
    ask->b = in->get_u64();
    ask->result = in->get_u64();
    ask->a_count = in->get_length(4);
    ask->a_first = in->at;
    if (ask->a_count > 0) in->skip(u32(ask->a_count) * 4);
    ask->b_count = in->get_length(4);
    ask->b_first = in->at;
    if (ask->b_count > 0) in->skip(u32(ask->b_count) * 4);
    return !in->failed;
  }

  // False when the answer has no room yet.
  template <class Ctx>
  static RW_FN bool answer(RW_PRIVATE Ctx* ctx, RW_SHARED u8* slot,
                           RW_PRIVATE const WireReader<RW_SHARED u8*>* in, RW_PRIVATE VectorAsk* ask) {
    const u64 began = ctx->now_ns();
    VectorBuffers buffers = {nullptr, nullptr, nullptr};
    const u32 fault = check(ctx, ask, &buffers);
    const bool inline_result = !fault && !ask->by_handle;
    const u32 text = fault_bytes(fault);
    if (fault) ask->length = 0;
    // In order: member count, id, priority, correlation id, success, error, processed, handle, result, time.
    const u32 bytes =
        1 + 16 + 1 + 20 + 1 + (text ? 8 + text : 4) + 4 + 8 + 4 + (inline_result ? ask->length * 4 : 0) + 8;
    RW_SHARED u8* to = ctx->reserve_answer(envelope(slot), fnv1a_response(), bytes);
    if (!to) return false;
    WireWriter<RW_SHARED u8*> out;
    out.open(to, bytes);
    out.put_u8(9);
    for (u32 word = 0; word < 4; ++word) out.put_u32(ctx->answer_id(word));
    out.put_u8(ask->priority);
    out.put_u32(1);
    for (u32 word = 0; word < 4; ++word) out.put_u32(envelope(slot)->message_id[word]);
    out.put_u8(fault ? 0 : 1);
    put_fault(&out, fault);
    out.put_u32(ask->length);
    out.put_u64(!fault && ask->by_handle ? ask->result : 0);
    if (inline_result) {
      const u32 at = out.put_f32_array(ask->length);
      for (u32 i = 0; i < ask->length; ++i)
        out.set_f32(at, i, vector_element(ask->op, in->f32_at(ask->a_first, i), in->f32_at(ask->b_first, i)));
    } else {
      out.put_i32(-1);
      if (!fault) compute(&buffers, ask->op, ask->length);
    }
    out.put_u64(ctx->now_ns() - began);
    ctx->commit_answer(bytes);
    return true;
  }

  static RW_FN void compute(RW_PRIVATE const VectorBuffers* buffers, u32 op, u32 length) {
    RW_SHARED const float* a = buffers->a;
    RW_SHARED const float* b = buffers->b;
    RW_SHARED float* result = buffers->result;
    if (op == kVectorAdd) {
      for (u32 i = 0; i < length; ++i) result[i] = a[i] + b[i];
    } else if (op == kVectorSubtract) {
      for (u32 i = 0; i < length; ++i) result[i] = a[i] - b[i];
    } else if (op == kVectorMultiply) {
      for (u32 i = 0; i < length; ++i) result[i] = a[i] * b[i];
    } else {
      for (u32 i = 0; i < length; ++i) result[i] = a[i] / b[i];
    }
  }

  template <class Ctx>
  static RW_FN u32 check(RW_PRIVATE Ctx* ctx, RW_PRIVATE const VectorAsk* ask,
                         RW_PRIVATE VectorBuffers* buffers) {
    if (ask->op >= kVectorOps) return kVectorUnknownOp;
    if (ask->length_is_negative) return kVectorLengths;
    if (ask->by_handle) {
      u32 fault = find(ctx, ask->a, ask->length, &buffers->a);
      if (!fault) fault = find(ctx, ask->b, ask->length, &buffers->b);
      if (!fault) fault = find(ctx, ask->result, ask->length, &buffers->result);
      return fault;
    }
    if (ask->length > kVectorInline) return kVectorTooLong;
    const u32 a_count = ask->a_count < 0 ? 0 : u32(ask->a_count);
    const u32 b_count = ask->b_count < 0 ? 0 : u32(ask->b_count);
    return a_count == ask->length && b_count == ask->length ? kVectorGood : kVectorLengths;
  }

  template <class Ctx>
  static RW_FN u32 find(RW_PRIVATE Ctx* ctx, u64 handle, u32 length, RW_SHARED float* RW_PRIVATE* found) {
    u64 bytes = 0;
    RW_SHARED u8* data = ctx->buffer(handle, &bytes);
    if (!data) return kVectorNoBuffer;
    if (u64(length) * 4 > bytes) return kVectorSmallBuffer;
    if (u64(data) % 4) return kVectorUnaligned;
    *found = (RW_SHARED float*)data;
    return kVectorGood;
  }

  static RW_FN u32 fnv1a_response() {
    const char name[] = {'V', 'e', 'c', 't', 'o', 'r', 'R', 'e', 's', 'p', 'o', 'n', 's', 'e'};
    return fnv1a(name, sizeof(name));
  }

  static RW_FN u32 fault_bytes(u32 fault) {
    WireCounter counter;
    counter.at = 0;
    put_fault(&counter, fault);
    return fault ? counter.at : 0;
  }

  // Takes the text's size instead of its bytes.
  struct WireCounter {
    u32 at;
    RW_FN void put_ascii(RW_PRIVATE const char*, i32 n) { at = n > 0 ? u32(n) : 0; }
  };

  // Texts lie on the stack: Metal's literals are in another address space.
  template <class Out>
  static RW_FN void put_fault(RW_PRIVATE Out* out, u32 fault) {
    if (fault == kVectorUnknownOp) {
      const char text[] = "op must be 0 (add), 1 (subtract), 2 (multiply) or 3 (divide)";
      out->put_ascii(text, sizeof(text) - 1);
    } else if (fault == kVectorLengths) {
      const char text[] = "a and b must have as many elements as length says";
      out->put_ascii(text, sizeof(text) - 1);
    } else if (fault == kVectorTooLong) {
      const char text[] =
          "a message holds at most 25 elements; put longer vectors into buffers and send handles";
      out->put_ascii(text, sizeof(text) - 1);
    } else if (fault == kVectorNoBuffer) {
      const char text[] = "a handle names no buffer of this runtime";
      out->put_ascii(text, sizeof(text) - 1);
    } else if (fault == kVectorSmallBuffer) {
      const char text[] = "a buffer is smaller than length elements of 4 bytes";
      out->put_ascii(text, sizeof(text) - 1);
    } else if (fault == kVectorUnaligned) {
      const char text[] = "a buffer does not begin at a multiple of 4 bytes";
      out->put_ascii(text, sizeof(text) - 1);
    } else {
      const char text[] = "";
      out->put_ascii(text, -1);
    }
  }
};

}  // namespace ringway
