// A launched kernel: one or more replicas behind one port.
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backends/cpu/copied_queues.h"
#include "backends/cpu/timer.h"
#include "core/backend.h"
#include "core/screen.h"
#include "core/user_kernel.h"
#include "ringway/lane_turns.h"
#include "ringway/ring_loop.h"

namespace ringway::cpu {

class Context;
class Worker;
struct Instance;
struct ReplicaSet;

struct Link {
  // kEnded: the receiver discards what waits; kLeft: it has, and what is put in behind its back is the sender's to bury.
  enum End : u32 { kOpen, kEnded, kLeft };
  explicit Link(QueueOptions options) : queue(std::move(options)) {}

  Queue queue;
  u32 stalled = 0;  // the sending replica found no room
  u32 end = kOpen;  // how far the end of the receiving kernel has come
  std::shared_ptr<Instance> from;
  std::shared_ptr<ReplicaSet> to;
};

struct Inlet {
  std::shared_ptr<Link> link;    // null: of the mailbox
  const Queue* queue = nullptr;  // the link's, or a lane of the mailbox
  Intake<Atomics, false> alone{};
  Intake<Atomics, true>
      shared{};  // used instead where replicas, or senders that drop the oldest, take messages too
  bool is_shared = false;
  u32 known = 0;         // of the held messages, those that the screen has let pass
  u32 set_aside = 0;     // claimed behind the held ones, and not for the handler yet
  bool handled = false;  // the first of the held messages; what a user's kernel sent on it waits for room

  void open(const Queue& source) {
    queue = &source;
    is_shared ? shared.open(source.ring()) : alone.open(source.ring());
  }
  Claim<Atomics>& held() { return is_shared ? shared.held : alone.held; }
  void claim(u32 n) { held() = is_shared ? shared.consumer.peek(n) : alone.consumer.peek(n); }
  void show() { is_shared ? shared.consumer.show() : alone.consumer.show(); }
  // The first of the held messages, as it lies in its slot.
  std::span<const u8> first() {
    const u64 ticket = held().first;
    const u32 bytes = is_shared ? shared.consumer.size(ticket) : alone.consumer.size(ticket);
    return {payload_at(queue->ring(), ticket), bytes};
  }
  // Whether a message waits that no replica has claimed yet; of a shared one.
  bool waits() const {
    const QueueRing& ring = queue->ring();
    return ready_run(ring, Atomics::load_index(&ring.header->dequeue), 1, 1) != 0;
  }
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

// What a user's kernel has sent and found no room.
struct Unsent {
  bool answer;  // to `request`
  Envelope request;
  u32 output, type_id;
  std::vector<u8> bytes;
};

// Where a replica's messages to the host go: its replicas share that side of the queue. A ticket that was claimed
// and not used is published empty, and receivers pass over it.
struct HostOutlet {
  Producer<Atomics, true> producer;
  Claim<Atomics> held{};
  bool published = false;
};

// Where a replica lives. It may move once, to a thread of its own, by who holds the lock of the worker that it leaves;
// that one lives on, for those who still look there.
class Home {
 public:
  // SYNC: partner store_release in settle(): the worker.
  Worker* get() const { return atomic::load_acquire(&now_); }
  Worker* operator->() const { return get(); }
  Worker& operator*() const { return *get(); }
  void settle(std::shared_ptr<Worker> worker) {
    std::shared_ptr<Worker>& kept = now_ ? next_ : first_;
    kept = std::move(worker);
    atomic::store_release(&now_, kept.get());  // SYNC: partner load_acquire in get()
  }

 private:
  Worker* now_ = nullptr;
  std::shared_ptr<Worker> first_, next_;
};

// A replica's share of a user's kernel that another has replaced.
struct Replaced {
  std::shared_ptr<const UserKernel> kernel;
  std::shared_ptr<Resident> resident;
};

// What a worker runs: the kernel's state, its ends of the queues, and its place in the worker's lists.
struct Instance {
  Instance(ReplicaSet& of, u32 replica) : set(of), number(replica) {}

  ReplicaSet& set;
  const u32 number;  // of the replica
  Home home;
  std::unique_ptr<u64[]> state;
  ControlBlock control{};
  ControlBlock unseen{};     // counts instead while telemetry is off
  std::vector<Inlet> lanes;  // of the mailbox; together input 0
  LaneTurns lane_turns{};
  std::vector<Inlet> inputs;  // links: input 1 is the first
  HostOutlet host;
  std::vector<Outlet> outputs;         // links: output 1 is the first
  std::vector<u8> nowhere;             // room for messages that can only be dropped
  std::vector<Unsent> unsent;          // in order
  std::shared_ptr<Resident> resident;  // of a user's kernel; instead of `state`

  // As at launch. Throws what the program's own code throws.
  void begin_state();
  void start_timers(std::int64_t now);
  std::int64_t first_due() const;  // of its timers; kNever: it has none
  bool ticks() const;              // its timers matter to its worker
  // On the replica's own thread, where it has one: what was replaced goes; and as the last, the resident too.
  void let_leave();
  void leave();

  UserCounts counts;
  u32 running = 0;    // whether its handler may begin a message
  u32 rearm = 0;      // it was activated: its timers begin anew
  u32 renew = 0;      // a group restarts it, for which time in a short while
  u32 follows = 0;    // it has failed with its group, and whoever waits for it is not answered yet
  u32 asks_idle = 0;  // its options count in its worker's idle policy

  // All below belong to the holder of the worker's lock, but for `scheduled`.
  bool retired = false;
  std::vector<Replaced> replaced;  // in order
  bool stalled = false;            // waits for room or for `resume_at`; others may look at it
  u32 restarts_in_row = 0;         // since a message was last handled
  std::int64_t resume_at = 0;      // of now_ns(), 0 = none: after a restart, does not run before
  bool leaving = false;            // the handler has asked to be deactivated
  std::vector<Timer> timers;       // of a user's kernel
  bool timed = false;              // is in the worker's list of those with timers
  u32 scheduled = 0;               // is in one of the worker's lists, or never will be again
  Instance* next_remote = nullptr;
  Instance* next_ready = nullptr;    // the holder's of the worker's lock
  Instance* next_stalled = nullptr;  // as above
  Instance* next_timed = nullptr;    // as above
};

struct ReplicaSet : Port {
  ReplicaSet(const QueueOptions& to_kernel, QueueOptions to_host, const LaunchOptions& launch)
      : Port(to_kernel, std::move(to_host), launch), options(launch), screen(u32(launch.dedup)) {}

  const Entry* entry = nullptr;
  std::unique_ptr<const Entry> own_entry;  // of a user's kernel
  std::shared_ptr<const UserKernel> user;
  u32 threads = 0;
  u32 keeps_to_its_thread = 0;  // no caller need try to run it
  const HostServices* services = nullptr;
  std::string name;
  LaunchOptions options;
  u32 emits = 0;  // type of what reserve(0) sends
  Screen screen;
  std::mutex screening;  // taken where there are replicas
  std::vector<std::unique_ptr<Instance>> replicas;
  std::unique_ptr<CopiedQueues> copied;  // set with `bridge`
  u32 notices = 0;                       // calls of pass_on()
  u64 discarded = 0;                     // messages, by retire()
  std::mutex switching;                  // of all replicas' `running`, and of `left`

  // Under `switching`: the handler may begin messages, or begins no further one.
  void start();
  void stop();

  // The queues that the handler works on.
  std::span<const Queue> in() { return copied ? copied->mailbox.lanes() : mailbox.lanes(); }
  Queue& out() { return copied ? copied->outbox : outbox; }
  bool replicated() const { return replicas.size() > 1; }
  // Of its own, one for each replica; once it has them, it keeps them.
  bool has_threads() const { return atomic::load_relaxed(&threads) != 0; }
  // The screen, for any replica.
  Verdict judge(const Envelope& envelope, bool known) {
    const auto lock = replicated() ? std::unique_lock(screening) : std::unique_lock<std::mutex>();
    return screen.judge(envelope, envelope.ttl_10ms ? unix_us() : 0, known);
  }
  void forget(const Envelope& envelope) {
    const auto lock = replicated() ? std::unique_lock(screening) : std::unique_lock<std::mutex>();
    screen.forget(envelope);
  }
  void restart(u32 number) override;
  void follow_failure() override;
  // What its replicas run for what is given, and back, so that a pause before a restart is over; `revives` one that has
  // failed. The caller holds the locks of all replicas' workers.
  void swap(Replacement* with, bool revives);
  // Of one that has come back from a failure: takes what comes by the link again. The caller holds the sender's lock.
  void reopen(Link& link);
  // Something was put into an input. `here` is the worker whose lock the caller holds, or null.
  void notify(Worker* here = nullptr);
  // `from`, a replica or null, cannot take a message that waits: tells one that can and whose worker is free, or when
  // no worker is free all that can, so that whoever is done first takes it. False when all wait for room.
  bool pass_on(const Instance* from, Worker* here);
};

}  // namespace ringway::cpu
