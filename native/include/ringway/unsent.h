// What a handler that a program brings has sent and an output had no room for. It lies beside the kernel's state; the
// handler gets no further message until all of it has left, in order.
#pragma once
#include "slice_context.h"

namespace ringway {

enum : u32 { kUnsentBytes = 64 * 1024 };  // of what lies beside a state

struct SliceUnsent {
  u32 first, end;  // records, from behind this
  u32 reserved[2];
};
struct UnsentRecord {
  u32 output;  // 0: to the host, or, where it answers, to who asked
  u32 type_id, bytes, answers;
  Envelope request;  // that it answers
};
static_assert(sizeof(SliceUnsent) % 8 == 0 && sizeof(UnsentRecord) % 8 == 0, "messages are aligned");

RW_FN u32 record_bytes(u32 message_bytes) {
  return u32(sizeof(UnsentRecord)) + (message_bytes + 7) / 8 * 8;
}
RW_FN RW_SHARED UnsentRecord* record_at(RW_SHARED SliceUnsent* unsent, u32 at) {
  return (RW_SHARED UnsentRecord*)((RW_SHARED u8*)(unsent + 1) + at);
}
RW_FN RW_SHARED SliceUnsent* unsent_of(RW_SHARED SliceControl* control) {
  return (RW_SHARED SliceUnsent*)((RW_SHARED u8*)control + control->unsent);
}

// Whether all has left.
RW_FN bool send_unsent(RW_PRIVATE SliceContext* context) {
  RW_SHARED SliceControl* control = context->control;
  if (!control->report.unsent) return true;
  RW_SHARED SliceUnsent* unsent = unsent_of(control);
  while (unsent->first != unsent->end) {
    RW_SHARED UnsentRecord* next = record_at(unsent, unsent->first);
    RW_SHARED u8* to;
    if (next->answers) {
      to = context->reserve_answer(&next->request, next->type_id, next->bytes);
    } else if (next->output) {
      to = context->reserve(next->output, next->bytes);
    } else {
      to = context->reserve_message(next->type_id, next->bytes);
    }
    if (!to) return false;
    copy_bytes(to, (RW_SHARED const u8*)(next + 1), next->bytes);
    context->commit(next->output, next->bytes);
    unsent->first += record_bytes(next->bytes);
  }
  unsent->first = unsent->end = 0;
  control->report.unsent = 0;
  return true;
}

}  // namespace ringway
