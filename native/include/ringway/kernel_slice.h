// What kernel.h is on a device whose handlers run in slices: the same names, for the same text. Who joins that text with
// the loop says before, by RINGWAY_LARGE_STATE, that the state does not live in locals, and makes RINGWAY_KERNEL of
// UserHandler.
#pragma once
#include "python_arithmetic.h"
#include "unsent.h"

#if defined(RINGWAY_LARGE_STATE)
#define RW_STATE RW_SHARED
#else
#define RW_STATE RW_PRIVATE
#endif

namespace ringway {

struct SliceKernelContext {
  RW_PRIVATE SliceContext* slice;
  RW_SHARED const Envelope* request;  // of the message at hand; null on a link
  u32 failed;                         // kSentTooMuch

  // Messages go by value: they may lie in any memory.
  template <class M>
  RW_FN void send(u32 output, M message) RW_PRIVATE {
    pass(output, 0, message);
  }
  template <class M>
  RW_FN void emit(u32 type_id, M message) RW_PRIVATE {
    pass(0, type_id, message);
  }
  template <class M>
  RW_FN bool reply(u32 type_id, M message) RW_PRIVATE {
    if (!request) return false;
    RW_SHARED u8* to = may_send() ? slice->reserve_answer(request, type_id, u32(sizeof(M))) : nullptr;
    if (to) {
      *(RW_SHARED M*)to = message;
      slice->commit_answer(u32(sizeof(M)));
    } else {
      keep(true, 0, type_id, message);
    }
    return true;
  }
  RW_FN u64 now_us() const RW_PRIVATE { return slice->now_us(); }

 private:
  RW_FN bool may_send() const RW_PRIVATE { return !slice->control->report.unsent; }

  template <class M>
  RW_FN void pass(u32 output, u32 type_id, M message) RW_PRIVATE {
    RW_SHARED u8* to = nullptr;
    if (may_send())
      to = output ? slice->reserve(output, u32(sizeof(M))) : slice->reserve_message(type_id, u32(sizeof(M)));
    if (!to) return keep(false, output, type_id, message);
    *(RW_SHARED M*)to = message;
    slice->commit(output, u32(sizeof(M)));
  }
  template <class M>
  RW_FN void keep(bool answers, u32 output, u32 type_id, M message) RW_PRIVATE {
    RW_SHARED SliceControl* control = slice->control;
    RW_SHARED SliceUnsent* unsent = unsent_of(control);
    const u32 taken = u32(sizeof(SliceUnsent)) + unsent->end, more = record_bytes(u32(sizeof(M)));
    // What nothing has a place for when it has to be dropped would stay for ever.
    if (taken + more > control->unsent_bytes || sizeof(M) > control->nowhere_bytes) {
      failed = kSentTooMuch;
      return;
    }
    RW_SHARED UnsentRecord* record = record_at(unsent, unsent->end);
    record->output = output;
    record->type_id = type_id;
    record->bytes = u32(sizeof(M));
    record->answers = answers;
    if (answers) record->request = *request;
    *(RW_SHARED M*)(record + 1) = message;
    unsent->end += more;
    control->report.unsent = 1;
  }
};

typedef SliceKernelContext KernelContext;

// `Step::run(context, message, state)` calls the handler.
template <class Message, class TheState, class Step>
struct UserHandler {
  typedef TheState State;

  static RW_FN u32 drain(RW_PRIVATE SliceContext* slice, RW_SHARED u8* first, u32 stride, u32 n,
                         RW_SHARED State* resident, RW_PRIVATE DrainStatus* status) {
#if defined(RINGWAY_LARGE_STATE)
    return drain_each(slice, first, stride, n, *resident, status);
#else
    State state = *resident;
    const u32 done = drain_each(slice, first, stride, n, state, status);
    *resident = state;
    return done;
#endif
  }

 private:
  static RW_FN u32 drain_each(RW_PRIVATE SliceContext* slice, RW_SHARED u8* first, u32 stride, u32 n,
                              RW_STATE State& state, RW_PRIVATE DrainStatus* status) {
    const u32 skipped = slice->input() == 0 ? u32(sizeof(Envelope)) : 0;
    KernelContext context = {slice, nullptr, 0};
    u32 i = 0;
    while (i < n) {
      if (slice->control->report.unsent) {
        status->code = kAgain;
        break;
      }
      RW_SHARED u8* slot = first + u64(stride) * i;
      if (payload_bytes(slot) != skipped + sizeof(Message)) {
        status->code = kFailed;
        break;
      }
      context.request = skipped ? (RW_SHARED const Envelope*)envelope(slot) : nullptr;
      u32 error = Step::run(context, *(RW_SHARED const Message*)(payload(slot) + skipped), state);
      if (!error) error = context.failed;
      if (error) {
        status->code = kBroken;
        status->error = error;
        break;
      }
      ++i;
    }
    return i;
  }
};

}  // namespace ringway
