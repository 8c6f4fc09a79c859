// faulty: answers every message with the same bytes, but for four commands that rehearse what can go wrong. For trying
// out fault policies, the watchdog, and the code around a kernel.
//
//   fail        reports the message as at fault
//   break       breaks, as a handler does that throws
//   hang N      does not return for N milliseconds, at most a minute, then answers
//   count       answers with the number of messages handled since the state was new, as u64
//
// What comes by a link goes to the host.
#pragma once
#include "../handler.h"

namespace ringway {

enum FaultyError : u32 { kToldToFail = 0, kToldToBreak = 1 };

struct Faulty {
  struct State {
    u64 handled;
    u64 hangs_until;  // 0: does not hang
  };

  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    for (u32 i = 0; i < n; ++i) {
      RW_SHARED u8* slot = first + u64(stride) * i;
      const u32 before = ctx->input() == 0 ? u32(sizeof(Envelope)) : 0;
      const u32 bytes = payload_bytes(slot) - before;
      RW_SHARED u8* text = payload(slot) + before;
      const char fail[] = {'f', 'a', 'i', 'l'};
      const char broken[] = {'b', 'r', 'e', 'a', 'k'};
      const char count[] = {'c', 'o', 'u', 'n', 't'};
      const char hang[] = {'h', 'a', 'n', 'g', ' '};
      if (bytes == sizeof(fail) && begins(text, fail, sizeof(fail)))
        return stop(status, kFailed, kToldToFail, i);
      if (bytes == sizeof(broken) && begins(text, broken, sizeof(broken)))
        return stop(status, kBroken, kToldToBreak, i);
      const bool counts = bytes == sizeof(count) && begins(text, count, sizeof(count));
      const u32 size = counts ? u32(sizeof(u64)) : bytes;
      RW_SHARED u8* answer =
          before ? ctx->reserve_answer(envelope(slot), envelope(slot)->type_id, size) : ctx->reserve(0, size);
      if (!answer) return stop(status, kAgain, 0, i);
      if (bytes > sizeof(hang) && begins(text, hang, sizeof(hang)))
        if (!hang_for(ctx, state, number_in(text + sizeof(hang), bytes - u32(sizeof(hang)))))
          return stop(status, kUnfinished, 0, i);
      if (counts) {
        for (u32 byte = 0; byte < size; ++byte) answer[byte] = u8(state->handled >> (8 * byte));
      } else {
        copy_bytes(answer, text, bytes);
      }
      before ? ctx->commit_answer(size) : ctx->commit(0, size);
      state->handled += 1;
    }
    return n;
  }

 private:
  static RW_FN u32 stop(RW_PRIVATE DrainStatus* status, u32 code, u32 error, u32 done) {
    status->code = code;
    status->error = error;
    return done;
  }

  static RW_FN bool begins(RW_SHARED const u8* text, RW_PRIVATE const char* word, u64 length) {
    for (u32 i = 0; i < length; ++i)
      if (text[i] != u8(word[i])) return false;
    return true;
  }

  static RW_FN u32 number_in(RW_SHARED const u8* text, u32 bytes) {
    const u32 most = 60000;
    u32 number = 0;
    for (u32 i = 0; i < bytes && text[i] >= '0' && text[i] <= '9'; ++i) {
      number = number * 10 + (text[i] - '0');
      if (number > most) return most;
    }
    return number;
  }

  template <class Ctx>
  static RW_FN bool hang_for(RW_PRIVATE Ctx* ctx, RW_SHARED State* state, u32 milliseconds) {
    if (!state->hangs_until) state->hangs_until = ctx->now_ns() + u64(milliseconds) * 1000000;
    if (!ctx->wait_until(state->hangs_until)) return false;
    state->hangs_until = 0;
    return true;
  }
};

}  // namespace ringway
