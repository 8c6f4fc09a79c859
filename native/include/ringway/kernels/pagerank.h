// PageRank as three ring kernels. Per shard a sender and an aggregator; one checker for all.
//
//   1. The checker sends `go` to every sender.
//   2. A sender writes the contributions of its blocks, and names each block to every aggregator.
//   3. An aggregator adds the blocks to its sums in an order of its own, its shard's first, so that the
//   result does
//      not depend on which message came first; a block whose turn it is not stays in its queue. After the
//      last one it writes its new ranks and sends its part (change, dangling mass) to the checker.
//   4. The checker with all parts ends the run or goes to 1.
//
// A message on a link that does not belong to the run under way breaks the kernel that gets it: the run could only
// stand still. Who waits for the run looks after the kernels now and then.
//
// No word is written while another kernel reads it: contributions change between a go and the block's
// messages, when every aggregator has sent its part of the iteration before; ranks change between the last
// block of an iteration and the aggregator's part, when every sender is done. The messages' publication
// orders the plain data.
//
// Links, in the order that they are made: sender k → aggregator 0, 1, … for every k; aggregator 0, 1, … →
// checker; checker → sender 0, 1, …
#pragma once
#include "../handler.h"
#include "pagerank_math.h"

namespace ringway {

template <class Message>
RW_FN RW_SHARED Message* message_at(RW_SHARED u8* first, u32 stride, u32 i, u32 skip) {
  return (RW_SHARED Message*)(payload(first + u64(stride) * i) + skip);
}

template <class Wide>
struct PageRankSender {
  struct State {
    u32 busy;      // a go has been begun
    u32 computed;  // blocks
    u32 sent[kMaxShards];
  };

  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    if (ctx->input() == 0) return stop(status, kFailed, 0, kPageRankOutOfStep);
    for (u32 i = 0; i < n; ++i) {
      RW_SHARED const PageRankGo<Wide>* go = message_at<PageRankGo<Wide>>(first, stride, i, 0);
      PageRankMemory<Wide> memory;
      if (!memory.find(ctx, go->plan, go->work)) return stop(status, kBroken, i, kPageRankBadBuffers);
      if (!state->busy) {
        state->busy = 1;
        state->computed = 0;
        for (u32 d = 0; d < memory.header()->shards; ++d) state->sent[d] = 0;
      }
      if (!send_all(ctx, &memory, go, state)) {
        status->code = kAgain;
        return i;
      }
      state->busy = 0;
    }
    status->code = kDrained;
    return n;
  }

 private:
  static RW_FN u32 stop(RW_PRIVATE DrainStatus* status, u32 code, u32 done, u32 error) {
    status->code = code;
    status->error = error;
    return done;
  }

  // Never waits for one aggregator's room before it has served the others, or two shards could wait for each
  // other.
  template <class Ctx>
  static RW_FN bool send_all(RW_PRIVATE Ctx* ctx, RW_PRIVATE const PageRankMemory<Wide>* memory,
                             RW_SHARED const PageRankGo<Wide>* go, RW_SHARED State* state) {
    const u32 blocks = memory->shard(go->shard)->blocks;
    while (state->computed < blocks) {
      const u32 block = memory->shard(go->shard)->first_block + state->computed;
      if (memory->header()->value_bytes == 4) {
        contribute<float>(memory, block);
      } else {
        contribute<Wide>(memory, block);
      }
      ++state->computed;
      flush(ctx, memory, go, state);
    }
    return flush(ctx, memory, go, state);
  }

  template <class Ctx>
  static RW_FN bool flush(RW_PRIVATE Ctx* ctx, RW_PRIVATE const PageRankMemory<Wide>* memory,
                          RW_SHARED const PageRankGo<Wide>* go, RW_SHARED State* state) {
    bool all = true;
    for (u32 d = 0; d < memory->header()->shards; ++d) {
      while (state->sent[d] < state->computed) {
        RW_SHARED u8* room = ctx->reserve(d + 1, sizeof(PageRankBlock<Wide>));
        if (!room) {
          all = false;
          break;
        }
        RW_SHARED PageRankBlock<Wide>* out = (RW_SHARED PageRankBlock<Wide>*)room;
        out->plan = go->plan;
        out->work = go->work;
        out->run = go->run;
        out->iteration = go->iteration;
        out->block = memory->shard(go->shard)->first_block + state->sent[d];
        out->shard = d;
        out->dangling = go->dangling;
        ctx->commit(d + 1, sizeof(PageRankBlock<Wide>));
        ++state->sent[d];
      }
    }
    return all;
  }
};

template <class Wide>
struct PageRankAggregator {
  struct State {
    u32 taken;         // blocks of this iteration
    u32 source, next;  // whose turn it is: shard, block
    u32 run, iteration;
  };

  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    status->code = ctx->input() == 0 ? u32(kFailed) : u32(kBroken);
    status->error = kPageRankOutOfStep;
    if (ctx->input() == 0) return 0;
    for (u32 i = 0; i < n; ++i) {
      RW_SHARED const PageRankBlock<Wide>* in = message_at<PageRankBlock<Wide>>(first, stride, i, 0);
      PageRankMemory<Wide> memory;
      if (!memory.find(ctx, in->plan, in->work)) {
        status->error = kPageRankBadBuffers;
        return i;
      }
      if (state->taken == 0) {
        state->run = in->run;
        state->iteration = in->iteration;
        state->source = in->shard;
        state->next = memory.shard(in->shard)->first_block;
        skip_empty(&memory, state);
      } else if (state->run != in->run || state->iteration != in->iteration) {
        return i;
      }
      if (in->block != state->next) {
        status->code = kAgain;
        return i;
      }
      const bool last = state->taken + 1 == memory.header()->blocks;
      RW_SHARED u8* room = last ? ctx->reserve(1, sizeof(PageRankPart<Wide>)) : (RW_SHARED u8*)nullptr;
      if (last && !room) {
        status->code = kAgain;
        return i;
      }
      take(&memory, in, state);
      if (last) {
        write_part(&memory, in, (RW_SHARED PageRankPart<Wide>*)room);
        ctx->commit(1, sizeof(PageRankPart<Wide>));
        state->taken = 0;
      }
    }
    status->code = kDrained;
    return n;
  }

 private:
  static RW_FN void take(RW_PRIVATE const PageRankMemory<Wide>* memory,
                         RW_SHARED const PageRankBlock<Wide>* in, RW_SHARED State* state) {
    if (memory->header()->value_bytes == 4) {
      add_block<float>(memory, in->block, in->shard);
    } else {
      add_block<Wide>(memory, in->block, in->shard);
    }
    ++state->taken;
    ++state->next;
    if (state->taken < memory->header()->blocks) skip_empty(memory, state);
  }

  // Goes on to the next shard that has a block left.
  static RW_FN void skip_empty(RW_PRIVATE const PageRankMemory<Wide>* memory, RW_SHARED State* state) {
    while (state->next == memory->shard(state->source)->first_block + memory->shard(state->source)->blocks) {
      state->source = state->source + 1 == memory->header()->shards ? 0 : state->source + 1;
      state->next = memory->shard(state->source)->first_block;
    }
  }

  static RW_FN void write_part(RW_PRIVATE const PageRankMemory<Wide>* memory,
                               RW_SHARED const PageRankBlock<Wide>* in, RW_SHARED PageRankPart<Wide>* part) {
    Wide change = 0, dangling = 0;
    if (memory->header()->value_bytes == 4) {
      update_shard<float>(memory, in->shard, in->dangling, &change, &dangling);
    } else {
      update_shard<Wide>(memory, in->shard, in->dangling, &change, &dangling);
    }
    part->run = in->run;
    part->iteration = in->iteration;
    part->shard = in->shard;
    part->reserved = 0;
    part->change = change;
    part->dangling = dangling;
  }
};

template <class Wide>
struct PageRankChecker {
  struct State {
    Envelope caller, canceller;     // who gets the answers when the run is over
    PageRankControl<Wide> control;  // of the run
    u64 started_us;
    u32 active, cancelled;
    u32 answered;   // the caller has its answer, the canceller waits for room
    u32 iteration;  // under way
    u32 parts;      // of it that are here
    u32 told;       // senders that have their go
    u32 reported;   // iteration + 1 of the last report
    u64 history_length;
    Wide residual, dangling;
  };

  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    const bool mailbox = ctx->input() == 0;
    for (u32 i = 0; i < n; ++i) {
      status->code = kDrained;
      if (mailbox) {
        command(ctx, message_at<Envelope>(first, stride, i, 0),
                message_at<PageRankControl<Wide>>(first, stride, i, sizeof(Envelope)), state, status);
      } else {
        part(ctx, message_at<PageRankPart<Wide>>(first, stride, i, 0), state, status);
      }
      if (status->code != kDrained) return i;
    }
    return n;
  }

 private:
  template <class Ctx>
  static RW_FN void command(RW_PRIVATE Ctx* ctx, RW_SHARED const Envelope* from,
                            RW_SHARED const PageRankControl<Wide>* in, RW_SHARED State* state,
                            RW_PRIVATE DrainStatus* status) {
    if (in->action == kPageRankCancel) {
      cancel(ctx, from, in, state, status);
    } else if (in->action == kPageRankWait) {
      wait(ctx, from, in, state, status);
    } else {
      start(ctx, from, in, state, status);
    }
  }

  // Answered at once when the run is over, else together with its caller.
  template <class Ctx>
  static RW_FN void cancel(RW_PRIVATE Ctx* ctx, RW_SHARED const Envelope* from,
                           RW_SHARED const PageRankControl<Wide>* in, RW_SHARED State* state,
                           RW_PRIVATE DrainStatus* status) {
    if (!state->active || in->run != state->control.run) {
      if (!answer(ctx, from, state, kPageRankCancelled)) status->code = kAgain;
    } else if (state->cancelled) {
      fail(status, kPageRankBusy);
    } else {
      state->cancelled = 1;
      state->canceller = *from;
    }
  }

  // Takes the place of the run's caller, who has looked after the kernels meanwhile; answered at once when the run is
  // over.
  template <class Ctx>
  static RW_FN void wait(RW_PRIVATE Ctx* ctx, RW_SHARED const Envelope* from,
                         RW_SHARED const PageRankControl<Wide>* in, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    if (in->run != state->control.run) {
      fail(status, kPageRankOutOfStep);
    } else if (state->active && !state->answered) {
      state->caller = *from;
    } else if (!answer(ctx, from, state, outcome_of(state))) {
      status->code = kAgain;
    }
  }

  template <class Ctx>
  static RW_FN void start(RW_PRIVATE Ctx* ctx, RW_SHARED const Envelope* from,
                          RW_SHARED const PageRankControl<Wide>* in, RW_SHARED State* state,
                          RW_PRIVATE DrainStatus* status) {
    PageRankMemory<Wide> memory;
    u64 history_bytes = 0;
    if (!memory.find(ctx, in->plan, in->work) || !ctx->buffer(in->history, &history_bytes) ||
        history_bytes < sizeof(HostReal<Wide>)) {
      return fail(status, kPageRankBadBuffers);
    }
    // A start that could not hand out every go comes here again.
    if (state->active && (state->iteration != 0 || state->control.run != in->run)) {
      return fail(status, kPageRankBusy);
    }
    if (!state->active) {
      state->control = *in;
      state->caller = *from;
      state->history_length = history_bytes / sizeof(HostReal<Wide>);
      state->started_us = ctx->now_us();
      state->cancelled = state->answered = state->iteration = state->parts = state->told = state->reported =
          0;
      state->residual = 0;
      state->dangling = real_at(&memory.run()->dangling_mass);
    }
    if (in->max_iterations == 0) {
      if (!answer(ctx, from, state, kPageRankAtLimit)) status->code = kAgain;
      return;
    }
    state->active = 1;
    if (!go(ctx, &memory, state)) status->code = kAgain;
  }

  static RW_FN void fail(RW_PRIVATE DrainStatus* status, u32 error) {
    status->code = kFailed;
    status->error = error;
  }

  template <class Ctx>
  static RW_FN void part(RW_PRIVATE Ctx* ctx, RW_SHARED const PageRankPart<Wide>* in, RW_SHARED State* state,
                         RW_PRIVATE DrainStatus* status) {
    // A shard without sources of its own can be done before every sender has its go.
    if (state->active && in->run == state->control.run && in->iteration == state->iteration + 1) {
      status->code = kAgain;
      return;
    }
    PageRankMemory<Wide> memory;
    if (!state->active || in->run != state->control.run || in->iteration != state->iteration ||
        !memory.find(ctx, state->control.plan, state->control.work)) {
      status->code = kBroken;
      status->error = kPageRankOutOfStep;
      return;
    }
    // Kept by shard: their sum must not depend on which came first.
    RW_SHARED PageRankPart<Wide>* parts = (RW_SHARED PageRankPart<Wide>*)(memory.work + memory.run()->parts);
    if (state->parts < memory.header()->shards) {
      parts[in->shard] = *in;
      if (++state->parts < memory.header()->shards) return;
      close_iteration(ctx, &memory, parts, state);
    }
    // Once one sender has its go, the iteration takes place.
    const u32 outcome = state->told == 0 ? outcome_of(state) : u32(kPageRankRunning);
    if (outcome != kPageRankRunning) {
      if (!finish(ctx, state, outcome)) status->code = kAgain;
      return;
    }
    const u32 every = state->control.report_every;
    if (every != 0 && state->iteration % every == 0 && state->reported != state->iteration) {
      report(ctx, state);
      state->reported = state->iteration;
    }
    if (!go(ctx, &memory, state)) status->code = kAgain;
  }

  template <class Ctx>
  static RW_FN void close_iteration(RW_PRIVATE Ctx* ctx, RW_PRIVATE const PageRankMemory<Wide>* memory,
                                    RW_SHARED const PageRankPart<Wide>* parts, RW_SHARED State* state) {
    Wide change = 0, dangling = 0;
    for (u32 s = 0; s < memory->header()->shards; ++s) {
      change += parts[s].change;
      dangling += parts[s].dangling;
    }
    state->residual = change;
    state->dangling = dangling;
    u64 bytes = 0;
    RW_SHARED HostReal<Wide>* history =
        (RW_SHARED HostReal<Wide>*)ctx->buffer(state->control.history, &bytes);
    if (history) put_real(&history[(state->iteration - 1) % state->history_length], change);
    state->told = 0;
  }

  static RW_FN u32 outcome_of(RW_SHARED const State* state) {
    if (state->residual < real_at(&state->control.tolerance)) return kPageRankConverged;
    if (state->iteration == state->control.max_iterations) return kPageRankAtLimit;
    return state->cancelled ? kPageRankCancelled : kPageRankRunning;
  }

  // The next iteration's go to every sender; false, and to be called again, when one has no room.
  template <class Ctx>
  static RW_FN bool go(RW_PRIVATE Ctx* ctx, RW_PRIVATE const PageRankMemory<Wide>* memory,
                       RW_SHARED State* state) {
    for (; state->told < memory->header()->shards; ++state->told) {
      RW_SHARED u8* room = ctx->reserve(state->told + 1, sizeof(PageRankGo<Wide>));
      if (!room) return false;
      RW_SHARED PageRankGo<Wide>* out = (RW_SHARED PageRankGo<Wide>*)room;
      out->plan = state->control.plan;
      out->work = state->control.work;
      out->run = state->control.run;
      out->iteration = state->iteration + 1;
      out->shard = state->told;
      out->reserved = 0;
      out->dangling = state->dangling;
      ctx->commit(state->told + 1, sizeof(PageRankGo<Wide>));
    }
    ++state->iteration;
    state->parts = 0;
    return true;
  }

  // Both answers, or false, and to be called again.
  template <class Ctx>
  static RW_FN bool finish(RW_PRIVATE Ctx* ctx, RW_SHARED State* state, u32 outcome) {
    if (!state->answered && !answer(ctx, &state->caller, state, outcome)) return false;
    state->answered = 1;
    if (state->cancelled && !answer(ctx, &state->canceller, state, outcome)) return false;
    state->active = 0;
    return true;
  }

  template <class Ctx>
  static RW_FN bool answer(RW_PRIVATE Ctx* ctx, RW_SHARED const Envelope* to, RW_SHARED const State* state,
                           u32 outcome) {
    RW_SHARED u8* room = ctx->reserve_answer(to, kPageRankReportType, sizeof(PageRankReport<Wide>));
    if (!room) return false;
    fill(ctx, state, outcome, (RW_SHARED PageRankReport<Wide>*)room);
    ctx->commit_answer(sizeof(PageRankReport<Wide>));
    return true;
  }

  // Left out when the host has not taken the ones before.
  template <class Ctx>
  static RW_FN void report(RW_PRIVATE Ctx* ctx, RW_SHARED const State* state) {
    RW_SHARED u8* room = ctx->reserve(0, sizeof(PageRankReport<Wide>));
    if (!room) return;
    fill(ctx, state, kPageRankRunning, (RW_SHARED PageRankReport<Wide>*)room);
    ctx->commit(0, sizeof(PageRankReport<Wide>));
  }

  template <class Ctx>
  static RW_FN void fill(RW_PRIVATE Ctx* ctx, RW_SHARED const State* state, u32 outcome,
                         RW_SHARED PageRankReport<Wide>* out) {
    out->run = state->control.run;
    out->iteration = state->iteration;
    out->status = outcome;
    out->reserved = 0;
    put_real(&out->residual, state->residual);
    out->elapsed_us = ctx->now_us() - state->started_us;
  }
};

}  // namespace ringway
