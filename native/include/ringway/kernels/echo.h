// echo: answers every message with the same bytes and type; what comes by a link goes to the host.
#pragma once
#include "../handler.h"

namespace ringway {

struct Echo {
  struct State {
    u64 seen;
  };

  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    for (u32 i = 0; i < n; ++i) {
      RW_SHARED u8* slot = first + u64(stride) * i;
      const bool bare = ctx->input() != 0;
      const u32 bytes = bare ? payload_bytes(slot) : body_bytes(slot);
      RW_SHARED u8* answer =
          bare ? ctx->reserve(0, bytes) : ctx->reserve_answer(envelope(slot), envelope(slot)->type_id, bytes);
      if (!answer) {
        status->code = kAgain;
        state->seen += i;
        return i;
      }
      copy_bytes(answer, bare ? payload(slot) : body(slot), bytes);
      if (bare) {
        ctx->commit(0, bytes);
      } else {
        ctx->commit_answer(bytes);
      }
    }
    state->seen += n;
    return n;
  }
};

}  // namespace ringway
