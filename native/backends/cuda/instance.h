// A launched kernel: one or more replicas behind one port. What is not SlicedKernel's is the driver's, under its lock.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/ring_layout.h"
#include "backends/cuda/ring_memory.h"
#include "core/sliced_kernel.h"

namespace ringway::cuda {

class RingDriver;
struct CudaReplica;

struct CudaLink : SlicedLink {
  using SlicedLink::SlicedLink;

  RingPiece memory;  // of the device: head, queue
  RingPiece report;  // of the host: SliceLinkReport
  RingLink entry{};
  CudaReplica* from = nullptr;  // null: has ended
  CudaReplica* to = nullptr;
};

// The links of one side of a replica.
struct LinkTable {
  std::vector<std::shared_ptr<CudaLink>> links;
  RingPiece entries;  // of the host
  RingPiece places;   // of the device
};

struct CudaKernel;

struct CudaReplica : SlicedReplica {
  explicit CudaReplica(CudaKernel& of) : set(of) {}

  CudaKernel& set;
  RingPiece rings;     // of the host: image of the control, lanes, the queue to the host
  RingPiece resident;  // of the device: control, state, ids
  RingPiece nowhere;   // of the device
  LinkTable inputs, outputs;

  u32 seat = 0;
  RingOrder order{};
  bool unsaid = false;  // the order has not been handed over yet

  bool under_way = false;  // the handler is not done with a message
  std::int64_t under_way_since = 0;
  bool stopped = false;        // the handler broke; goes on at resume_at
  std::int64_t resume_at = 0;  // 0: not
  bool discarded = false;      // its links are empty
};

struct CudaKernel : SlicedKernel {
  using SlicedKernel::SlicedKernel;

  void moved(bool hurries) override;
  bool is_open() override;

  RingDriver* driver = nullptr;
  std::vector<std::unique_ptr<CudaReplica>> replicas;
  bool running = false;     // its handler may begin a message
  bool dead = false;        // failed, or about to
  bool discarding = false;  // its links are being emptied, or are empty
  bool emptied = false;     // its messages were discarded
  u64 left = 0;             // of its mailbox then
  std::string reason;       // why it failed
  LetterReason letter = LetterReason::kTerminated;
  std::string letter_text;
};

}  // namespace ringway::cuda
