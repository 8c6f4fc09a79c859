// What kernels written by users include, in C++ or as text made from Python: the messages as structs, arithmetic that
// means the same on every processor, and the entry that the loop calls. No system header, so that a compiler is done
// with it in milliseconds.
//
//   #include <ringway/kernel.h>
//   struct Sample { float value; };
//   struct Mean { float value; };
//   struct State { ringway::i64 count; float mean; };
//   RW_FN ringway::u32 step(RW_PRIVATE ringway::KernelContext& ctx, RW_SHARED const Sample& msg, RW_STATE State& state) {
//     state.count += 1;
//     state.mean += (msg.value - state.mean) / float(state.count);
//     ctx.send(1, Mean{state.mean});
//     return 0;
//   }
//   RINGWAY_KERNEL(Sample, State, step)
//
// A kernel with timers has a function for each, `RW_FN ringway::u32 tick(ringway::KernelContext& ctx, State& state)`, and ends
// with RINGWAY_TIMED_KERNEL(Sample, State, step, tick, ...) instead.
//
// A handler returns 0, or the number of an error text, 1 and up, on which it broke; number 0 is the loop's own, for a
// message of a wrong size. What it sends always leaves it: where an output has no room, the host keeps the bytes and runs
// the kernel on no further message until they are gone.
#pragma once
#include "handler.h"
#include "python_arithmetic.h"

namespace ringway {

// Where the state lies while the handler runs.
#define RW_STATE

enum : u32 { kKernelAbi = 2 };

// What the host does for a handler. `self` is the host's own.
struct KernelCalls {
  void (*send)(void* self, u32 output, u32 type_id, const void* bytes, u32 n);  // output 0: to the host
  void (*reply)(void* self, const Envelope* request, u32 type_id, const void* bytes, u32 n);
  u64 (*now_us)(void* self);
  bool (*goes_on)(void* self);  // false: a handler that takes long is to begin no further message of the run
  void (*count)(void* self, u32 counter, u64 n);
};

struct KernelContext {
  void* self;
  const KernelCalls* calls;
  const Envelope* request;  // of the message at hand; null on a link
  u32 input;                // 0 = mailbox, i = the i-th link into the kernel
  u32 unsent;               // not 0: what was sent waits for room
  u32 leaves;               // not 0: the handler asked to be deactivated
  u32 kernel, number;       // what self_id() and replica() are
  u64 left_out;             // what missed() is

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
  // The kernel's number in its runtime, which what it sends names as its sender; the same after a restart.
  RW_FN u32 self_id() const { return kernel; }
  // Which of the kernel's replicas this is, from 0.
  RW_FN u32 replica() const { return number; }
  // In a tick: how many before it were left out, since the kernel was busy when they were due.
  RW_FN u64 missed() const { return left_out; }
  // Adds to a counter of the kernel's telemetry; 1 is the first.
  RW_FN void count(u32 counter, u64 n = 1) { calls->count(self, counter, n); }
  // The kernel, with its replicas, handles no further message until it is activated again; all that it has keeps.
  RW_FN void deactivate() { leaves = 1; }
};

// What a compiled kernel exports as `ringway_kernel`.
struct KernelUnit {
  u32 abi, message_bytes, state_bytes, timers;
  // As Handler::drain of handler.h.
  u32 (*drain)(KernelContext* ctx, u8* first, u32 stride, u32 n, void* state, DrainStatus* status);
  // A tick of that timer, from 0: 0, or the number of an error text. Null without timers.
  u32 (*tick)(KernelContext* ctx, u32 timer, void* state);
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
    if (ctx->leaves) {
      ++i;
      break;
    }
  }
  return i;
}

// A small state lives in locals for the batch, and is written back once.
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

#define RINGWAY_DRAIN(Message, State, step)                                                               \
  static ringway::u32 ringway_drain(ringway::KernelContext* ctx, ringway::u8* first, ringway::u32 stride, \
                                    ringway::u32 n, void* state, ringway::DrainStatus* status) {          \
    const auto one = [](ringway::KernelContext& c, const Message& m, State& s) { return step(c, m, s); }; \
    return ringway::Drain<(sizeof(State) <= ringway::kStateInLocals)>::run<Message>(                      \
        ctx, first, stride, n, *static_cast<State*>(state), status, one);                                 \
  }

#define RINGWAY_UNIT(Message, State, timers, tick)                                            \
  extern "C" __attribute__((visibility("default"))) const ringway::KernelUnit ringway_kernel; \
  const ringway::KernelUnit ringway_kernel = {                                                \
      ringway::kKernelAbi, sizeof(Message), sizeof(State), timers, &ringway_drain, tick};

#define RINGWAY_KERNEL(Message, State, step) \
  RINGWAY_DRAIN(Message, State, step)        \
  RINGWAY_UNIT(Message, State, 0, nullptr)

// With a function for each timer behind the handler's.
#define RINGWAY_TIMED_KERNEL(Message, State, step, ...)                                            \
  RINGWAY_DRAIN(Message, State, step)                                                              \
  typedef ringway::u32 (*RingwayTick)(ringway::KernelContext&, State&);                            \
  static const RingwayTick ringway_ticks[] = {__VA_ARGS__};                                        \
  static ringway::u32 ringway_tick(ringway::KernelContext* ctx, ringway::u32 timer, void* state) { \
    return ringway_ticks[timer](*ctx, *static_cast<State*>(state));                                \
  }                                                                                                \
  RINGWAY_UNIT(Message, State, sizeof(ringway_ticks) / sizeof(ringway_ticks[0]), &ringway_tick)

}  // namespace ringway
