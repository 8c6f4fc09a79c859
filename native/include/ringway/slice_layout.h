// What the host and the slices of ring kernels both see. Things name each other by offsets, so that memory may lie
// anywhere. Compiled for the host and for each device whose handlers run in slices.
//
// On Metal the host and the GPU never look at the same word while a command buffer runs, but for two: where a kernel polls,
// up to where its mailbox is filled, and the bell. Each command buffer begins with the orders that the host wrote before its
// commit, and ends with reports that the host reads after its end; of a queue that they share, either touches only the
// slots that these two, or the first of those words, say are its own. On CUDA orders and reports are handed over while the
// grid runs (backends/cuda/ring_layout.h).
#pragma once
#include "control.h"
#include "dedup_window.h"
#include "lane_turns.h"
#include "layout.h"

namespace ringway {

// Why the slices of a kernel do nothing until the host says so.
enum SliceStop : u32 {
  kSliceGoes = 0,
  kSliceBroken = 1,    // the handler broke, with the error number `error`
  kSliceBadQueue = 2,  // a queue is not what its header says; `error` is the LayoutFault
};

// By the host, until the next one.
struct SliceOrder {
  u32 run;                       // the handler may begin messages
  u32 quantum;                   // messages that one slice may take from one input
  u32 published[kMailboxLanes];  // the mailbox holds the tickets below, by lane
  u32 taken;                     // of the queue to the host, the tickets below have been taken
  u32 staged;                    // lanes, bit by bit, whose next messages have not come to the GPU yet
  u32 resumes;                   // one more than last: a new state, and on after a stop
  u32 looks;  // that the first slice may take at what the host puts into the mailbox meanwhile; 0: no slice takes any
  u32 discard;  // the kernel has ended: its links are emptied, and the host gets what was in them
};

// By the slices.
struct SliceReport {
  u32 taken[kMailboxLanes];  // of the mailbox, the tickets below have been released
  u32 published;             // the queue to the host holds the tickets below
  u32 stop, error;           // SliceStop
  u32 under_way;             // the handler is not done with a message
  u32 last_round;            // the last one, from 1 on, in which a message moved; 0: none
  u32 discarded;             // as the order says, all of it
  u32 unsent;                // what the handler sent waits for room (unsent.h)
  ControlBlock counts;
};

// A message to the host that is no message of the kernel's begins with this; its slot has the flag kSlotNote. Behind it
// lies the message that it speaks of, cut off where the slot ends.
enum SliceNoteReason : u32 {
  kNoteFailed = 1,          // the handler failed on it
  kNoteExpired = 2,         // its time to live was over
  kNoteClosed = 3,          // was sent to an output that is not there, or whose receiver has ended
  kNoteTooLarge = 4,        // was sent to an output whose slots are smaller
  kNoteAnswerTooLarge = 5,  // an answer; only its envelope follows
  kNoteDuplicate = 6,       // its id is among the last ones
  kNoteLeft = 7             // was in a link when the kernel ended
};
struct SliceNote {
  u32 reason, error;
  u32 bytes;  // of the message, without an envelope
  u32 enveloped;
};
enum : u32 { kSlotNote = 2 };

// What a buffer handle names: handle, GPU address, bytes. Entry i is that of handles whose low half is i.
struct SliceBuffer {
  u64 handle, address, bytes;
};

// Where a link lies: its head, then the queue's header, then the slots.
struct SliceLink {
  u32 ended;  // the receiving kernel is gone
  u32 max_message;
  u32 reserved[30];
};
static_assert(sizeof(SliceLink) == kIndexLine, "a queue's header follows");

// Of one replica. Offsets count from the control itself.
struct SliceControl {
  // The host's, written while no slice runs.
  u64 at;                   // on Metal: of this, from the arena's start
  i64 lane[kMailboxLanes];  // headers of queues
  i64 to_host;
  i64 state;
  i64 first_state;      // what the state begins with; 0: zeros
  i64 unsent;           // SliceUnsent; 0: none, for handlers that keep nothing there
  i64 dedup;            // DedupHead; 0: none
  i64 nowhere;          // room for messages that can only be dropped
  i64 inputs, outputs;  // tables of i64: offsets of links
  i64 beat;             // a word for the host: odd while the handler runs; 0: none
  u32 lanes, input_count, output_count;
  u32 nowhere_bytes, max_message;  // of a message to the host, with its envelope
  u32 state_bytes, unsent_bytes;
  u32 endpoint;
  u32 emits;  // type of what reserve(0) sends
  u32 skips;  // a handler that breaks on a message goes on with the next
  u32 id[4];  // answers and messages are numbered from here on
  u32 host_capacity;

  // Set from the order, before the first slice that follows it.
  SliceOrder order;
  u64 now_us, now_ns;
  i64 buffers;
  i64 bell;  // from here, on Metal
  u32 buffer_count;
  u32 round;
  u32 resumed;
  u32 under_way_input;  // 0 to 3: a lane, else 4 + the link

  // The slices' own.
  LaneTurns turns;
  u32 known[kMailboxLanes];  // of the messages at the front of a lane, those that the screen has let pass
  u64 to_host_count;         // messages ever sent to the host
  u32 beats;
  // The handler broke or failed on the first message of that input, and there is no room yet to say so; 0: not.
  u32 failed_code, failed_error, failed_input;
  SliceReport report;
};

struct SliceLinkReport {
  u32 published, taken;
};

// What comes before, between and behind the rounds of a command buffer: one thread for each replica, then one for each
// link.
struct SliceBoundary {
  u32 replicas, links;
  u32 begins, ends;
  // Of the tables, from the arena's start: control and order of each replica, its report; link, and its report.
  u64 controls, orders, reports, link_heads, link_reports;
  u64 buffers;
  u64 bell;  // a word that is 1 once slices had better not look for messages any longer
  u32 buffer_count, reserved;
  u64 now_us, now_ns;
};

}  // namespace ringway
