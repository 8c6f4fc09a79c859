// A launched kernel: its queues, state and links, and its place in its worker's lists.
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

struct Link {
  explicit Link(QueueOptions options) : queue(std::move(options)) {}

  Queue queue;
  u32 stalled = 0;  // the sending kernel found no room
  u32 ended = 0;    // the receiving kernel is gone
  std::shared_ptr<Instance> from;
  std::shared_ptr<Instance> to;
};

struct Inlet {
  std::shared_ptr<Link> link;  // null: the mailbox
  Intake<Atomics, false> alone;
  Intake<Atomics, true> shared;  // used instead where senders may drop the oldest message
  bool drops_oldest = false;

  Claim<Atomics>& held() { return drops_oldest ? shared.held : alone.held; }
  void skip_one() { drops_oldest ? skip(&shared) : skip(&alone); }
};

struct Outlet {
  std::shared_ptr<Link> link;  // null: the queue to the host
  Producer<Atomics, false> producer;
  bool elsewhere = false;  // the receiver lives on another worker
  bool published = false;  // since the receiver was last told
};

// A handler, made into a table entry by `kernel_of` in kernels.cpp.
struct Entry {
  KernelType type;
  u32 state_size;
  // One turn on one input; see ring_turn.
  u32 (*turn)(Context*, Inlet*, u32 batch, void* state, DrainStatus*);
};

struct Instance : Port {
  using Port::Port;

  // The queues that the handler works on.
  Queue& in() { return copied ? copied->mailbox : mailbox; }
  Queue& out() { return copied ? copied->outbox : outbox; }

  std::unique_ptr<CopiedQueues> copied;  // set with `bridge`
  const Entry* entry = nullptr;
  const HostServices* services = nullptr;
  std::string name;
  LaunchOptions options;
  std::shared_ptr<Worker> home;
  std::unique_ptr<u64[]> state;
  std::vector<Inlet> inputs;
  std::vector<Outlet> outputs;
  std::vector<u8> nowhere;  // room for messages that can only be dropped
  u32 emits = 0;            // type of what reserve(0) sends

  // All below belong to the holder of the worker's lock, but for `scheduled`.
  bool running = false;
  bool asks_idle = false;  // its options count in its worker's idle policy
  bool stalled = false;
  u32 scheduled = 0;  // is in one of the worker's lists, or never will be again
  Instance* next_remote = nullptr;
};

}  // namespace ringway::cpu
