// A launched kernel: one or more replicas behind one port.
//
// Three look at it. The bridge's thread and the driver share what `queues` guards. The rest is the driver's, under its
// lock.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "backends/metal/arena.h"
#include "backends/metal/copied_queues.h"
#include "backends/metal/kernels.h"
#include "backends/metal/library.h"
#include "backends/metal/slice_layout.h"
#include "core/backend.h"

namespace ringway::metal {

class Driver;
struct KernelSet;
struct Replica;

// What the host uses of queues that it shares with the GPU: the same words, 32-bit tickets.
using DeviceAtomics = HostAtomics<u32>;
using DeviceRing = Ring<DeviceAtomics>;

// The host's view of a link is what the last command buffer reported.
struct DeviceLink {
  explicit DeviceLink(QueueOptions options) : shadow(std::move(options)) {}

  Queue shadow;  // for telemetry: nobody puts anything into it
  Block block;
  Replica* from = nullptr;  // null: has ended
  Replica* to = nullptr;
  u32 published = 0, taken = 0;  // tickets
  u64 total_published = 0, total_taken = 0;
};

// A queue that one side of the host and one of the GPU share. Tickets from `done` to `put` are messages that lie in it.
struct SharedRing {
  DeviceRing ring{};
  u32 put = 0, done = 0;
  u32 used = 0;  // slots that were ever written

  u32 depth() const { return put - done; }
  void put_to(u32 published) {
    used = u32(std::min<u64>(ring.capacity, u64(used) + (published - put)));
    put = published;
  }
  // Zero again, as far as it was used, which is far cheaper than all of it.
  void clear() {
    std::memset(ring.slots, 0, std::size_t(used) * ring.stride);
    std::memset(static_cast<void*>(ring.header), 0, sizeof(*ring.header));
  }
};

struct Replica {
  explicit Replica(KernelSet& of) : set(of) {}
  ~Replica();

  KernelSet& set;
  Block block;  // control, state, queues
  Block nowhere;
  Block inputs_table, outputs_table;
  std::vector<std::shared_ptr<DeviceLink>> inputs, outputs;
  ControlBlock control{};
  ControlBlock unseen{};    // counts instead while telemetry is off
  ControlBlock reported{};  // by the GPU, since launch

  // Guarded by KernelSet::queues.
  std::vector<SharedRing> lanes;  // the host puts
  std::vector<u64> lane_tickets;  // as `done` of each lane, without a wrap
  u32 head_bytes = 0;             // of the block, in front of the queues
  SharedRing to_host;             // the host takes

  bool waits_for_lanes = false;  // messages of a lane are on their way
  bool waits = false;            // has messages in its mailbox
  bool under_way = false;        // the handler is not done with a message
  std::int64_t under_way_since = 0;
  std::int64_t next_look = 0;  // when a slice is due although nothing came
  bool stopped = false;        // the handler broke; goes on at resume_at
  std::int64_t resume_at = 0;  // 0: not
  u32 resumes = 0;
  u32 restarts_in_row = 0;  // since a message was last handled
  bool ready = false;       // of the command buffer that is being encoded
  bool unreported = false;  // a command buffer failed: what its slices wrote is not known
};

struct KernelSet : Port {
  KernelSet(const QueueOptions& to_kernel, QueueOptions to_host, const LaunchOptions& launch)
      : Port(to_kernel, std::move(to_host), launch), options(launch), copied(*this) {}

  const RingEntry* entry = nullptr;
  const Pipeline* pipeline = nullptr;
  const HostServices* services = nullptr;
  Driver* driver = nullptr;
  std::string name;
  LaunchOptions options;
  std::vector<std::unique_ptr<Replica>> replicas;
  ControlBlock told{}, told_unseen{};  // by the bridge's thread: dropped messages, once they are dead letters
  bool running = false;                // its handler may begin a message
  bool dead = false;                   // failed, or about to
  bool emptied = false;                // its messages were discarded: what is reported of it says nothing new
  bool retired = false;
  u64 discarded = 0;  // messages, by retire()

  std::mutex queues;                            // guards what follows, and the queues of the replicas
  std::vector<std::unique_ptr<Latency>> timed;  // of each lane and replica
  ArenaQueues copied;

  Latency* latency_of(u32 replica, u32 lane) {
    return timed.empty() ? nullptr : timed[replica * mailbox.lanes().size() + lane].get();
  }
};

}  // namespace ringway::metal
