// A launched kernel: one or more replicas behind one port.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/copied_queues.h"
#include "core/backend.h"
#include "ringway/ring_loop.h"

namespace ringway::cpu {

class Context;
class Worker;
struct Instance;
struct ReplicaSet;

struct Link {
  explicit Link(QueueOptions options) : queue(std::move(options)) {}

  Queue queue;
  u32 stalled = 0;  // the sending replica found no room
  u32 ended = 0;    // the receiving kernel is gone
  std::shared_ptr<Instance> from;
  std::shared_ptr<ReplicaSet> to;
};

struct Inlet {
  std::shared_ptr<Link> link;  // null: the mailbox
  Intake<Atomics, false> alone;
  Intake<Atomics, true>
      shared;  // used instead where replicas, or senders that drop the oldest, take messages too
  bool is_shared = false;

  void open(const QueueRing& ring) { is_shared ? shared.open(ring) : alone.open(ring); }
  Claim<Atomics>& held() { return is_shared ? shared.held : alone.held; }
  void skip_one() { is_shared ? skip(&shared) : skip(&alone); }
};

struct Outlet {
  std::shared_ptr<Link> link;
  Producer<Atomics, false> producer;
  bool elsewhere = false;  // the receiver lives on another worker
  bool published = false;  // since the receiver was last told
  u64 timed = ~u64(0);     // the next ticket whose latency is measured
};

// A handler, made into a table entry by `kernel_of` in kernels.cpp.
struct Entry {
  KernelType type;
  u32 state_size;
  // One turn on one input; see ring_turn.
  u32 (*turn)(Context*, Inlet*, u32 batch, void* state, DrainStatus*);
};

// Where a replica's messages to the host go: its replicas share that side of the queue. A ticket that was claimed
// and not used is published empty, and receivers pass over it.
struct HostOutlet {
  Producer<Atomics, true> producer;
  Claim<Atomics> held{};
  bool published = false;
};

// What a worker runs: the kernel's state, its ends of the queues, and its place in the worker's lists.
struct Instance {
  explicit Instance(ReplicaSet& of) : set(of) {}

  ReplicaSet& set;
  std::shared_ptr<Worker> home;
  std::unique_ptr<u64[]> state;
  ControlBlock control{};
  ControlBlock unseen{};  // counts instead while telemetry is off
  std::vector<Inlet> inputs;
  HostOutlet host;
  std::vector<Outlet> outputs;  // links: output 1 is the first
  std::vector<u8> nowhere;      // room for messages that can only be dropped

  // All below belong to the holder of the worker's lock, but for `scheduled`.
  bool running = false;
  bool asks_idle = false;      // its options count in its worker's idle policy
  bool stalled = false;        // waits for room or for `resume_at`; others may look at it
  u32 restarts_in_row = 0;     // since a message was last handled
  std::int64_t resume_at = 0;  // of now_ns(), 0 = none: after a restart, does not run before
  u32 scheduled = 0;           // is in one of the worker's lists, or never will be again
  Instance* next_remote = nullptr;
};

struct ReplicaSet : Port {
  using Port::Port;

  const Entry* entry = nullptr;
  const HostServices* services = nullptr;
  std::string name;
  LaunchOptions options;
  u32 emits = 0;  // type of what reserve(0) sends
  std::vector<std::unique_ptr<Instance>> replicas;
  std::unique_ptr<CopiedQueues> copied;  // set with `bridge`
  u32 notices = 0;                       // calls of pass_on()

  // The queues that the handler works on.
  Queue& in() { return copied ? copied->mailbox : mailbox; }
  Queue& out() { return copied ? copied->outbox : outbox; }
  bool replicated() const { return replicas.size() > 1; }
  // Something was put into an input. `here` is the worker whose lock the caller holds, or null.
  void notify(Worker* here = nullptr);
  // `from`, a replica or null, cannot take a message that waits: tells one that can and whose worker is free, or when
  // no worker is free all that can, so that whoever is done first takes it. False when all wait for room.
  bool pass_on(const Instance* from, Worker* here);
};

}  // namespace ringway::cpu
