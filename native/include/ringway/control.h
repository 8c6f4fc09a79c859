// A kernel's counters, in memory that its loop writes and the host reads without stopping anything. One writer at a
// time (the loop), but for the fields said to be the senders'.
#pragma once
#include "config.h"

namespace ringway {

struct ControlBlock {
  u64 received;           // messages taken from mailbox and links
  u64 processed;          // of these, handled without an error
  u64 sent;               // answers and messages to links and host
  u64 errors;             // messages whose handling failed
  u64 restarts;           // times the state was made new after the handler broke
  u64 iterations;         // times the loop looked at the inputs
  u64 last_message_us;    // since the Unix epoch, within a few ms; 0 before the first message
  u64 dropped_closed;     // left over when the kernel ended, or sent on a link whose receiver had ended
  u64 dropped_late;       // answers that nobody waited for any more
  u64 dropped_expired;    // taken from the mailbox after their time to live
  u64 dropped_duplicate;  // taken from the mailbox with the id of one that was handled
};
static_assert(sizeof(ControlBlock) == 11 * 8, "control block");

}  // namespace ringway
