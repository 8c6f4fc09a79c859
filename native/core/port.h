// What the host sees of a kernel: its mailbox, its queue to the host, its counters, and who waits for them.
// The backend allocates it; the runtime sends and receives through it.
#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/completion.h"
#include "core/dead_letters.h"
#include "core/error.h"
#include "core/mailbox.h"
#include "core/options.h"
#include "core/queue.h"
#include "core/user_counts.h"
#include "core/wait.h"
#include "core/watchers.h"
#include "ringway/control.h"

namespace ringway {

using Atomics = QueueAtomics;
class Bridge;
class KernelGroup;
class Recorder;

struct Port : std::enable_shared_from_this<Port> {
  Port(const QueueOptions& to_kernel, QueueOptions to_host, const LaunchOptions& options)
      : mailbox(to_kernel, options.lanes),
        outbox(std::move(to_host)),
        dead_letters(u32(options.dead_letters)) {}
  virtual ~Port() = default;
  // (optional) For a group, from any thread: the state is made anew before the handler takes another message, for the
  // `number`-th time in a short while; and of one that has failed by another's fault, who waits for it is answered.
  virtual void restart(u32) {}
  virtual void follow_failure() {}

  u32 index = 0;                  // the kernel's endpoint
  Recorder* recorder = nullptr;   // of the runtime; set before the kernel runs
  u32 worker = 0;                 // where it was put
  std::string failure;            // why the kernel failed; written before `failed`, by who set `failing`
  mutable std::mutex explaining;  // of `failure`, for those whom no worker's lock orders
  ErrorKind failure_kind = ErrorKind::kHandler;  // which its callers get; as `failure`
  u32 failing = 0;
  u32 failed = 0;
  u32 left = 0;   // its handler has deactivated it; whoever runs the kernel sets it, activate() clears it
  u32 ends = 0;   // it is being terminated: its timers tick no more
  u32 stuck = 0;  // the handler has not returned for longer than the runtime's watchdog allows
  Mailbox mailbox;
  Queue outbox;
  DeadLetters dead_letters;
  std::vector<const Latency*> latency;  // of the queues that the handler takes messages from, as far as timed
  std::vector<const ControlBlock*> controls;  // of each replica
  std::shared_ptr<Bridge> bridge;             // null: the kernel works on mailbox and outbox themselves
  u32 held_back = 0;                          // the kernel, or its bridge, waits for room in the outbox
  std::vector<const ControlBlock*> unseen;    // where they count while telemetry is off
  u64 replacements = 0;                       // times that another kernel took its place
  KernelGroup* group = nullptr;               // lives as long as the runtime
  u32 telemetry = 1;                          // whether it is on
  std::vector<const UserCounts*> counts;      // of each replica of a kernel that a program brings
  u32 uses_ttl = 0;        // a message with a time to live was sent; set before that message is
  Signal room;             // senders that wait for room in the mailbox
  Watchers room_watchers;  // event loops that wait for it
  Signal output;           // receivers that wait for a message in the outbox
  Completion watcher;      // an event loop that waits for a message in the outbox
  u32 watched = 0;         // whether it does; cleared by who tells it
};

// By who received from the outbox: whether somebody waits for the room that there is now, who must be notified.
bool take_held_back(Port& port);

// Makes the kernel a failed one, for the reason given; false when it had failed before.
bool fail(Port& port, const char* why);

// Called after room was made in the mailbox, or the kernel has ended.
void announce_room(Port& port);

// Called by whoever runs the kernel, after it has published to the outbox.
void announce_output(Port& port);

}  // namespace ringway
