// A launched kernel: one or more replicas behind one port.
//
// Three look at it. The bridge's thread and the driver share what SlicedKernel::queues guards. The rest is the driver's, under its
// lock.
#pragma once
#include <memory>
#include <vector>

#include "backends/metal/arena.h"
#include "backends/metal/kernels.h"
#include "backends/metal/library.h"
#include "core/sliced_kernel.h"

namespace ringway::metal {

class Driver;
struct KernelSet;
struct Replica;

struct DeviceLink : SlicedLink {
  using SlicedLink::SlicedLink;

  Block block;
  Replica* from = nullptr;  // null: has ended
  Replica* to = nullptr;
};

struct Replica : SlicedReplica {
  explicit Replica(KernelSet& of) : set(of) {}
  ~Replica();

  KernelSet& set;
  Block block;  // control, state, queues
  Block nowhere;
  Block inputs_table, outputs_table;
  std::vector<std::shared_ptr<DeviceLink>> inputs, outputs;
  u32 head_bytes = 0;  // of the block, in front of the queues

  bool waits_for_lanes = false;  // messages of a lane are on their way
  bool waits = false;            // has messages in its mailbox
  bool under_way = false;        // the handler is not done with a message
  bool unsent = false;           // what it sent waits for room
  std::int64_t under_way_since = 0;
  std::int64_t next_look = 0;  // when a slice is due although nothing came
  bool stopped = false;        // the handler broke; goes on at resume_at
  std::int64_t resume_at = 0;  // 0: not
  u32 resumes = 0;
  bool ready = false;       // of the command buffer that is being encoded
  bool unreported = false;  // a command buffer failed: what its slices wrote is not known
};

struct KernelSet : SlicedKernel {
  using SlicedKernel::SlicedKernel;

  void moved(bool hurries) override;
  bool tells_slices() override;

  const Pipeline* pipeline = nullptr;
  u32 state_size = 0;
  std::vector<u8> first_state;  // empty: zeros
  Driver* driver = nullptr;
  std::vector<std::unique_ptr<Replica>> replicas;
  bool running = false;  // its handler may begin a message
  bool dead = false;     // failed, or about to
  bool emptied = false;  // its messages were discarded: what is reported of it says nothing new
  bool retired = false;
  u64 discarded = 0;  // messages, by retire()
};

}  // namespace ringway::metal
