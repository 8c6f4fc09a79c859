// What kernels written by users include, in C++ or as text made from Python: the messages as structs, arithmetic that
// means the same on every processor, and the entry that the loop calls. No system header, so that a compiler is done
// with it in milliseconds.
//
//   #include <ringway/kernel.h>
//   struct Sample { float value; };
//   struct Mean { float value; };
//   struct State { ringway::i64 count; float mean; };
//   RW_FN ringway::u32 step(RW_PRIVATE ringway::KernelContext& ctx, RW_SHARED const Sample& msg, RW_PRIVATE State& state) {
//     state.count += 1;
//     state.mean += (msg.value - state.mean) / float(state.count);
//     ctx.send(1, Mean{state.mean});
//     return 0;
//   }
//   RINGWAY_KERNEL(Sample, State, step)
//
// A handler returns 0, or the number of an error text, 1 and up, on which it broke; number 0 is the loop's own, for a
// message of a wrong size. What it sends always leaves it: where an output has no room, the host keeps the bytes and runs
// the kernel on no further message until they are gone.
#pragma once
#include "handler.h"
#include "wrapping.h"

namespace ringway {

enum : u32 { kKernelAbi = 1 };

// What the host does for a handler. `self` is the host's own.
struct KernelCalls {
  void (*send)(void* self, u32 output, u32 type_id, const void* bytes, u32 n);  // output 0: to the host
  void (*reply)(void* self, const Envelope* request, u32 type_id, const void* bytes, u32 n);
  u64 (*now_us)(void* self);
  bool (*goes_on)(void* self);  // false: a handler that takes long is to begin no further message of the run
};

struct KernelContext {
  void* self;
  const KernelCalls* calls;
  const Envelope* request;  // of the message at hand; null on a link
  u32 input;                // 0 = mailbox, i = the i-th link into the kernel
  u32 unsent;               // not 0: what was sent waits for room

  // Output i is the i-th link out of the kernel, in the order in which they were made.
  template <class M>
  RW_FN void send(u32 output, const M& message) {
    calls->send(self, output, 0, &message, sizeof(M));
  }
  // To whoever calls receive().
  template <class M>
  RW_FN void emit(u32 type_id, const M& message) {
    calls->send(self, 0, type_id, &message, sizeof(M));
  }
  // To whoever sent the message at hand; false: it came by a link, which has no way back.
  template <class M>
  RW_FN bool reply(u32 type_id, const M& message) {
    if (!request) return false;
    calls->reply(self, request, type_id, &message, sizeof(M));
    return true;
  }
  RW_FN u64 now_us() const { return calls->now_us(self); }
};

// What a compiled kernel exports as `ringway_kernel`.
struct KernelUnit {
  u32 abi, message_bytes, state_bytes, reserved;
  // As Handler::drain of handler.h.
  u32 (*drain)(KernelContext* ctx, u8* first, u32 stride, u32 n, void* state, DrainStatus* status);
};

template <class Message, class State, class Step>
RW_FN u32 drain_each(KernelContext* ctx, u8* first, u32 stride, u32 n, State& state, DrainStatus* status,
                     Step step) {
  const u32 skipped = ctx->input == 0 ? u32(sizeof(Envelope)) : 0;
  u32 i = 0;
  for (; i < n; ++i) {
    u8* const slot = first + u64(stride) * i;
    if (payload_bytes(slot) != skipped + sizeof(Message)) {
      status->code = kFailed;
      break;
    }
    ctx->request = skipped ? envelope(slot) : nullptr;
    if (const u32 error = step(*ctx, *reinterpret_cast<const Message*>(payload(slot) + skipped), state)) {
      status->code = kBroken;
      status->error = error;
      break;
    }
    if (ctx->unsent) {
      status->code = kAgain;
      break;
    }
  }
  return i;
}

enum : u32 { kStateInLocals = 512 };

// A small state lives in locals for the batch, and is written back once; copying a large one would take longer than a
// batch, and fill the stack.
template <bool kInLocals>
struct Drain {
  template <class Message, class State, class Step>
  static RW_FN u32 run(KernelContext* ctx, u8* first, u32 stride, u32 n, State& resident, DrainStatus* status,
                       Step step) {
    State state = resident;
    const u32 done = drain_each<Message>(ctx, first, stride, n, state, status, step);
    resident = state;
    return done;
  }
};
template <>
struct Drain<false> {
  template <class Message, class State, class Step>
  static RW_FN u32 run(KernelContext* ctx, u8* first, u32 stride, u32 n, State& resident, DrainStatus* status,
                       Step step) {
    return drain_each<Message>(ctx, first, stride, n, resident, status, step);
  }
};

#define RINGWAY_KERNEL(Message, State, step)                                                              \
  static ringway::u32 ringway_drain(ringway::KernelContext* ctx, ringway::u8* first, ringway::u32 stride, \
                                    ringway::u32 n, void* state, ringway::DrainStatus* status) {          \
    const auto one = [](ringway::KernelContext& c, const Message& m, State& s) { return step(c, m, s); }; \
    return ringway::Drain<(sizeof(State) <= ringway::kStateInLocals)>::run<Message>(                      \
        ctx, first, stride, n, *static_cast<State*>(state), status, one);                                 \
  }                                                                                                       \
  extern "C" __attribute__((visibility("default"))) const ringway::KernelUnit ringway_kernel;             \
  const ringway::KernelUnit ringway_kernel = {ringway::kKernelAbi, sizeof(Message), sizeof(State), 0,     \
                                              &ringway_drain};

// Python's arithmetic, the same bits on every processor. Integers wrap; a failed check sets `failed`, and its value is 0.
namespace py {

enum Failed : u32 { kFine = 0, kIndexFailed = 1, kZeroFailed = 2 };

template <class T>
RW_FN T negate(T a) {
  return subtract_wrapped(T(0), a);
}

// Counted from the end when negative.
RW_FN i64 index(i64 i, i64 n, RW_PRIVATE u32& failed) {
  if (i < 0) i += n;
  if (u64(i) < u64(n)) return i;
  failed |= kIndexFailed;
  return 0;
}

template <class T>
RW_FN T floor_divide(T a, T b, RW_PRIVATE u32& failed) {
  if (b == 0) {
    failed |= kZeroFailed;
    return 0;
  }
  if (b < 0 && b == T(-1)) return negate(a);  // the least number has no positive partner
  const T quotient = T(a / b);
  return T(a % b) != 0 && (a < 0) != (b < 0) ? T(quotient - 1) : quotient;
}
template <class T>
RW_FN T modulo(T a, T b, RW_PRIVATE u32& failed) {
  if (b == 0) {
    failed |= kZeroFailed;
    return 0;
  }
  if (b < 0 && b == T(-1)) return 0;
  const T rest = T(a % b);
  return rest != 0 && (rest < 0) != (b < 0) ? T(rest + b) : rest;
}

// Shifts by the width or more give what Python gives, but for the bits that do not fit; by less than 0 they fail.
template <class T>
RW_FN T shift_left(T a, i64 by, RW_PRIVATE u32& failed) {
  typedef typename WrapsAs<T>::Type U;
  if (by < 0) {
    failed |= kIndexFailed;
    return 0;
  }
  return by >= i64(sizeof(T) * 8) ? T(0) : T(U(u64(U(a)) << by));
}
template <class T>
RW_FN T shift_right(T a, i64 by, RW_PRIVATE u32& failed) {
  if (by < 0) {
    failed |= kIndexFailed;
    return 0;
  }
  return by >= i64(sizeof(T) * 8) ? T(a < 0 ? -1 : 0) : T(a >> by);
}

template <class T>
RW_FN T least(T a, T b) {
  return b < a ? b : a;
}
template <class T>
RW_FN T greatest(T a, T b) {
  return b > a ? b : a;
}
// Of n numbers in a row, at least one; the pointer's type is deduced, since it says in which memory they lie.
template <class T, class Values>
RW_FN T least_of(Values values, i64 n) {
  T found = values[0];
  for (i64 i = 1; i < n; ++i) found = least<T>(found, values[i]);
  return found;
}
template <class T, class Values>
RW_FN T greatest_of(Values values, i64 n) {
  T found = values[0];
  for (i64 i = 1; i < n; ++i) found = greatest<T>(found, values[i]);
  return found;
}
template <class T, class Values>
RW_FN bool contains(Values values, i64 n, T wanted) {
  for (i64 i = 0; i < n; ++i)
    if (T(values[i]) == wanted) return true;
  return false;
}
template <class T>
RW_FN T magnitude(T a) {
  return a < 0 ? negate(a) : a;
}
RW_FN float magnitude(float a) {
  return __builtin_fabsf(a);
}
RW_FN double magnitude(double a) {
  return __builtin_fabs(a);
}

// From floating point towards zero, to the nearest number that T holds; NaN becomes 0.
template <class T, class F>
RW_FN T truncate(F value) {
  const F least_value = T(-1) < T(0) ? -F(u64(1) << (sizeof(T) * 8 - 1)) : F(0);
  const F beyond = T(-1) < T(0) ? -least_value : F(u64(1) << (sizeof(T) * 8 - 1)) * 2;
  if (value != value) return 0;
  if (value <= least_value) return T(-1) < T(0) ? T(u64(1) << (sizeof(T) * 8 - 1)) : T(0);
  if (value >= beyond) return T(-1) < T(0) ? T((u64(1) << (sizeof(T) * 8 - 1)) - 1) : T(~u64(0));
  return T(value);
}

#define RINGWAY_MATH(name, single, whole) \
  RW_FN float name(float a) {             \
    return single(a);                     \
  }                                       \
  RW_FN double name(double a) {           \
    return whole(a);                      \
  }
RINGWAY_MATH(sqrt, __builtin_sqrtf, __builtin_sqrt)
RINGWAY_MATH(exp, __builtin_expf, __builtin_exp)
RINGWAY_MATH(log, __builtin_logf, __builtin_log)
RINGWAY_MATH(sin, __builtin_sinf, __builtin_sin)
RINGWAY_MATH(cos, __builtin_cosf, __builtin_cos)
RINGWAY_MATH(tan, __builtin_tanf, __builtin_tan)
RINGWAY_MATH(tanh, __builtin_tanhf, __builtin_tanh)
RINGWAY_MATH(floor, __builtin_floorf, __builtin_floor)
RINGWAY_MATH(ceil, __builtin_ceilf, __builtin_ceil)
RINGWAY_MATH(trunc, __builtin_truncf, __builtin_trunc)
#undef RINGWAY_MATH
RW_FN float power(float a, float b) {
  return __builtin_powf(a, b);
}
RW_FN double power(double a, double b) {
  return __builtin_pow(a, b);
}

}  // namespace py
}  // namespace ringway
