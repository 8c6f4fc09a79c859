// One slice of a ring kernel: takes messages from its inputs as far as the order allows, gives them to the handler, and
// returns. It waits for nothing: a message without room for its answer, or whose turn it is not, stays where it is and
// comes again in a later slice. No other slice needs to run meanwhile.
#pragma once
#include "unsent.h"

namespace ringway {

// What an order says about going on after a stop, and with a new state.
RW_FN void resume_slices(RW_SHARED SliceControl* control) {
  if (control->resumed == control->order.resumes) return;
  control->resumed = control->order.resumes;
  control->report.stop = kSliceGoes;
  control->report.under_way = 0;
  control->failed_code = 0;
  RW_SHARED u8* state = (RW_SHARED u8*)control + control->state;
  RW_SHARED const u8* first = (RW_SHARED const u8*)control + control->first_state;
  for (u32 byte = 0; byte < control->state_bytes; ++byte)
    state[byte] = control->first_state ? first[byte] : u8(0);
}

struct SliceTurn {
  u32 received, processed;
  bool stopped;  // no further message in this slice
};

template <class Handler>
struct Slice {
  static RW_FN void run(RW_SHARED SliceControl* control, Ring<HostLinkAtomics> mailbox,
                        Ring<HostLinkAtomics> host) {
    if (control->report.stop && !control->order.discard) return;
    SliceContext context;
    context.open(control, host);
    SliceTurn turn = {0, 0, false};
    if (control->order.discard) {
      discard(&context, &turn);
    } else if (control->report.under_way) {
      finish(&context, mailbox, &turn);
    }
    if (control->order.run && !turn.stopped && send_unsent(&context)) {
      on_mailbox(&context, mailbox, &turn);
      for (u32 i = 0; i < control->input_count && !turn.stopped; ++i)
        on_link(&context, i, control->order.quantum, &turn);
    }
    context.close();
    count(control, &context, turn);
  }

 private:
  // The message that the handler was not done with, and no other.
  static RW_FN void finish(RW_PRIVATE SliceContext* context, Ring<HostLinkAtomics> mailbox,
                           RW_PRIVATE SliceTurn* turn) {
    RW_SHARED SliceControl* control = context->control;
    const u32 input = control->under_way_input;
    control->report.under_way = 0;
    if (input < kMailboxLanes) {
      on_lane(context, mailbox, input, 1, true, turn);
    } else {
      on_link(context, input - kMailboxLanes, 1, turn);
    }
  }

  static RW_FN void on_mailbox(RW_PRIVATE SliceContext* context, Ring<HostLinkAtomics> mailbox,
                               RW_PRIVATE SliceTurn* turn) {
    RW_SHARED SliceControl* control = context->control;
    u32 left = control->order.quantum;
    if (control->lanes == 1) {
      on_lane(context, mailbox, 0, left, false, turn);
      return;
    }
    LaneTurns turns = control->turns;
    bool blocked = false;
    for (u32 empty = 0; left && empty < kMailboxLanes && !turn->stopped && !blocked;) {
      const u32 credit = lane_credit(turns), most = left < credit ? left : credit;
      const u32 taken = on_lane(context, mailbox, turns.at, most, false, turn, &blocked);
      left -= taken;
      empty = taken ? 0 : empty + 1;
      if (taken) turns = lane_took(turns, taken);
      // A lane whose messages are still on their way keeps its turn, or the shares would not hold.
      if (!taken && !blocked && control->order.staged >> turns.at & 1u) blocked = true;
      if (!taken && !blocked) turns = lane_passed(turns);
    }
    // After all lanes were found empty, the highest is the first again.
    if (left && !blocked && !turn->stopped) turns.at = turns.used = 0;
    control->turns = turns;
  }

  static RW_FN u32 on_lane(RW_PRIVATE SliceContext* context, Ring<HostLinkAtomics> mailbox, u32 lane,
                           u32 most, bool goes_on, RW_PRIVATE SliceTurn* turn) {
    bool blocked = false;
    return on_lane(context, mailbox, lane, most, goes_on, turn, &blocked);
  }
  // Returns how many messages left the lane.
  static RW_FN u32 on_lane(RW_PRIVATE SliceContext* context, Ring<HostLinkAtomics> mailbox, u32 lane,
                           u32 most, bool goes_on, RW_PRIVATE SliceTurn* turn, RW_PRIVATE bool* blocked) {
    RW_SHARED SliceControl* control = context->control;
    context->from = 0;
    Intake<HostLinkAtomics, false> in;
    if (lane) mailbox = ring_at(queue_at<HostLinkAtomics>(control, control->lane[lane]));
    in.open(mailbox);
    u32 taken = 0;
    while (taken < most && !turn->stopped && !*blocked) {
      const Claim<HostLinkAtomics> claim = in.consumer.peek(most - taken);
      if (!claim.count) break;
      in.held = claim;
      u32 verdict = 0;
      in.held.count = goes_on || has_failed(control, lane)
                          ? 1
                          : screen(control, &in.consumer.ring, claim, lane, &verdict);
      u32 left;
      if (in.held.count) {
        left = drain(context, &in, lane, turn, blocked);
      } else {
        in.held.count = 1;
        left = refuse(context, &in, verdict, 0);
        if (!left) *blocked = true;
        turn->received += left;
      }
      control->known[lane] -= left < control->known[lane] ? left : control->known[lane];
      in.consumer.next = in.held.first;
      in.held.count = 0;
      taken += left;
    }
    in.consumer.show();
    control->report.taken[lane] = in.consumer.next;
    return taken;
  }

  // How many of the claimed messages the handler may get now; 0: not the first one, for what `verdict` says. One with a
  // time to live goes alone, so that it is judged right before. What passes and is not handled yet is known next time.
  static RW_FN u32 screen(RW_SHARED SliceControl* control, RW_PRIVATE const Ring<HostLinkAtomics>* ring,
                          Claim<HostLinkAtomics> claim, u32 lane, RW_PRIVATE u32* verdict) {
    u32 passed = 0;
    while (passed < claim.count) {
      RW_SHARED const Envelope* message =
          (RW_SHARED const Envelope*)raw_payload(ring->slot(claim.first + passed));
      if (passed && message->ttl_10ms) break;
      const bool known = passed < control->known[lane];
      if (outlived(message->ttl_10ms, message->timestamp_us, control->now_us)) {
        if (known) forget(control, message);
        *verdict = kNoteExpired;
        break;
      }
      if (!known && control->dedup && !ids_of(control).add(message->message_id)) {
        *verdict = kNoteDuplicate;
        break;
      }
      ++passed;
      if (control->known[lane] < passed) control->known[lane] = passed;
      if (message->ttl_10ms) break;
    }
    return passed;
  }
  static RW_FN DedupIds ids_of(RW_SHARED SliceControl* control) {
    DedupIds ids;
    ids.open((RW_SHARED u8*)control + control->dedup);
    return ids;
  }
  // Its sender may try again under the same id.
  static RW_FN void forget(RW_SHARED SliceControl* control, RW_SHARED const Envelope* message) {
    if (control->dedup) ids_of(control).remove(message->message_id);
  }

  static RW_FN void on_link(RW_PRIVATE SliceContext* context, u32 i, u32 most, RW_PRIVATE SliceTurn* turn) {
    RW_SHARED SliceControl* control = context->control;
    context->from = i + 1;
    Intake<DeviceLinkAtomics, false> in;
    in.open(ring_at(queue_of(link_at(control, control->inputs, i))));
    bool blocked = false;
    for (u32 taken = 0; taken < most && !turn->stopped && !blocked;) {
      in.held = in.consumer.peek(most - taken);
      if (!in.held.count) break;
      taken += drain(context, &in, kMailboxLanes + i, turn, &blocked);
      in.consumer.next = in.held.first;  // what was not handled is claimed again
      in.held.count = 0;
    }
    in.consumer.show();
  }

  // Gives the handler a run of what is held; returns how many messages left the input.
  template <class A>
  static RW_FN u32 drain(RW_PRIVATE SliceContext* context, RW_PRIVATE Intake<A, false>* in, u32 input,
                         RW_PRIVATE SliceTurn* turn, RW_PRIVATE bool* blocked) {
    RW_SHARED SliceControl* control = context->control;
    RW_SHARED typename Handler::State* state =
        (RW_SHARED typename Handler::State*)((RW_SHARED u8*)control + control->state);
    DrainStatus status = {control->failed_code, control->failed_error};
    u32 done = 0;
    if (!status.code) {
      beat(control);
      done = ring_turn<A, Handler>(context, in, in->held.count, state, &status);
      beat(control);
    } else if (!has_failed(control, input)) {
      *blocked = true;
      return 0;
    }
    turn->processed += done;
    turn->received += done;
    if (status.code == kAgain) *blocked = true;
    if (status.code == kUnfinished) {
      control->report.under_way = 1;
      control->under_way_input = input;
      turn->stopped = true;
    }
    if (status.code != kFailed && status.code != kBroken) return done;
    RW_SHARED const u8* slot = (RW_SHARED const u8*)in->consumer.ring.slot(in->held.first);
    if (context->from == 0) forget(control, (RW_SHARED const Envelope*)(slot + 8));
    const u32 refused = refuse(context, in, kNoteFailed, status.error);
    if (!refused) {
      *blocked = true;  // when there is room
      control->failed_code = status.code;
      control->failed_error = status.error;
      control->failed_input = input;
      return done;
    }
    control->failed_code = 0;
    ++control->report.counts.errors;
    turn->received += 1;
    if (status.code == kBroken && !control->skips) {
      control->report.stop = kSliceBroken;
      control->report.error = status.error;
      turn->stopped = true;
    }
    return done + 1;
  }

  // Empties the links into the kernel, as far as the host has room for what was in them.
  static RW_FN void discard(RW_PRIVATE SliceContext* context, RW_PRIVATE SliceTurn* turn) {
    RW_SHARED SliceControl* control = context->control;
    turn->stopped = true;
    for (u32 i = 0; i < control->input_count; ++i) {
      RW_SHARED SliceLink* link = link_at(control, control->inputs, i);
      DeviceLinkAtomics::store_word(ended_word(link), 1);
      Intake<DeviceLinkAtomics, false> in;
      in.open(ring_at(queue_of(link)));
      context->from = i + 1;
      for (in.held = in.consumer.peek(1); in.held.count; in.held = in.consumer.peek(1)) {
        const bool told = refuse(context, &in, kNoteLeft, 0) != 0;
        in.consumer.next = in.held.first;
        if (told) continue;
        in.consumer.show();
        return;
      }
      in.consumer.show();
    }
    control->report.discarded = 1;
  }

  // So that the host can name a handler that does not return.
  static RW_FN void beat(RW_SHARED SliceControl* control) {
    if (!control->beat) return;
    HostLinkAtomics::store_word((RW_SHARED HostLinkAtomics::Word*)((RW_SHARED u8*)control + control->beat),
                                ++control->beats);
  }

  // Whether it is known already of the input's first message: the handler does not get it again.
  static RW_FN bool has_failed(RW_SHARED const SliceControl* control, u32 input) {
    return control->failed_code && control->failed_input == input;
  }

  // Lets go of the first held message, of which the host is told; 0: there is no room for that.
  template <class A>
  static RW_FN u32 refuse(RW_PRIVATE SliceContext* context, RW_PRIVATE Intake<A, false>* in, u32 reason,
                          u32 error) {
    RW_SHARED u8* slot = (RW_SHARED u8*)in->consumer.ring.slot(in->held.first);
    if (!context->note(reason, error, slot, context->from == 0)) return 0;
    skip(in);
    return 1;
  }

  static RW_FN void count(RW_SHARED SliceControl* control, RW_PRIVATE const SliceContext* context,
                          SliceTurn turn) {
    if (!turn.received && !context->sent) return;
    RW_SHARED SliceReport* report = &control->report;
    report->last_round = control->round;
    report->counts.iterations += 1;
    report->counts.received += turn.received;
    report->counts.processed += turn.processed;
    report->counts.sent += context->sent;
    report->counts.last_message_us = control->now_us;
  }
};

}  // namespace ringway
