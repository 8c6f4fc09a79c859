// relay: passes the body of every message on to its first link out, bare.
#pragma once
#include "../handler.h"

namespace ringway {

struct Relay {
  struct State {
    u64 passed;
  };

  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    const u32 skipped = ctx->input() == 0 ? u32(sizeof(Envelope)) : 0;
    u32 i = 0;
    for (; i < n; ++i) {
      RW_SHARED u8* slot = first + u64(stride) * i;
      const u32 bytes = payload_bytes(slot) - skipped;
      RW_SHARED u8* to = ctx->reserve(1, bytes);
      if (!to) {
        status->code = kAgain;
        break;
      }
      copy_bytes(to, payload(slot) + skipped, bytes);
      ctx->commit(1, bytes);
    }
    state->passed += i;
    return i;
  }
};

}  // namespace ringway
