// What the host keeps of a kernel whose handler runs in slices on a device (ringway/slice.h), the same for each backend
// that has such kernels. Its queues are rings that host and device both see, with one owner on each side.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.h"
#include "core/sliced_queues.h"
#include "ringway/atomics.h"
#include "ringway/slice_layout.h"
#include "ringway/slot_queue.h"

namespace ringway {

using DeviceRing = Ring<HostLinkAtomics>;

// Tickets from `done` to `put` are messages that lie in it.
struct SharedRing {
  DeviceRing ring{};
  u32 put = 0, done = 0;
  u32 used = 0;  // slots that were ever written

  u32 depth() const { return put - done; }
  u32 room() const { return ring.capacity - depth(); }
  void put_to(u32 published);
  // Zero again, as far as it was used, which is far cheaper than all of it.
  void clear();
};

u64 ring_bytes(u32 capacity, u32 stride);
// In memory that is zero.
DeviceRing make_ring(u8* memory, u32 capacity, u32 stride);

struct SlicedReplica {
  ControlBlock control{};
  ControlBlock unseen{};    // counts instead while telemetry is off
  ControlBlock reported{};  // by the device, since launch
  u32 restarts_in_row = 0;  // since a message was last handled

  // Guarded by SlicedKernel::queues.
  std::vector<SharedRing> lanes;  // the host puts
  std::vector<u64> lane_tickets;  // as `done` of each lane, without a wrap
  SharedRing to_host;             // the host takes
};

// Of a kernel's queues, the same in each replica. What has no place on the device waits in the staging ring.
struct SlicedSizes {
  // Of one queue on the device, `most_bytes`, or as many slots as a queue has at least.
  SlicedSizes(const LaunchSpec& spec, u64 most_bytes);

  u32 stride, slots;
  QueueOptions mailbox, to_host;
};

struct SlicedKernel : Port {
  SlicedKernel(const LaunchSpec& spec, const SlicedSizes& sizes, const KernelType& of,
               const HostServices& host, u32 workers);

  // Messages have come to the device's rings, or room. `hurries`: no slice that runs by now will find them.
  virtual void moved(bool hurries) = 0;
  // Whether slices that run by now may take what is put into their mailbox from here on, and are to be told.
  virtual bool tells_slices() { return false; }
  // Whether messages may come to the device now; when not, the bridge is woken once they may.
  virtual bool is_open() { return true; }
  // The part of a replica's control that is the same on every device; its rings have been made.
  void describe(SliceControl* control, const SlicedReplica& replica) const;
  void add(SlicedReplica& replica);
  // By who applies reports: counts, latency, trace. Under `queues`.
  void count(u32 replica, const SliceReport& report, std::int64_t turn_began);
  Latency* latency_of(u32 replica, u32 lane) {
    return timed.empty() ? nullptr : timed[replica * mailbox.lanes().size() + lane].get();
  }
  // Of messages from `first` to `last`: dead letters; lets go of their slots.
  void bury(const DeviceRing& ring, u32 first, u32 last, bool enveloped, LetterReason reason,
            const std::string& text);
  // The same of what its handler sent and no output had room for; how much it was.
  u32 bury_unsent(SliceControl* control);

  const KernelType& type;
  const std::shared_ptr<const UserKernel> user;  // whose type that may be
  const HostServices& services;
  const std::string name;
  const u32 most_to_host;  // bytes of a message that the device sends there, with its envelope
  const LaunchOptions options;
  std::vector<SlicedReplica*> parts;   // the backend's replicas
  ControlBlock told{}, told_unseen{};  // by the bridge's thread: dropped messages, once they are dead letters

  std::mutex queues;                            // guards what follows, and the queues of the replicas
  std::vector<std::unique_ptr<Latency>> timed;  // of each lane and replica
  SlicedQueues copied;
};

// Throws kInvalidOption unless a device with that many places runs such a kernel in that shape; `device` is for texts.
void check_shape(const LaunchSpec& spec, u32 workers, const std::string& device);

// The host's view of a link between two kernels of the device: what was last reported.
struct SlicedLink {
  explicit SlicedLink(QueueOptions options) : shadow(std::move(options)) {}
  void apply(const SliceLinkReport& report);

  Queue shadow;                  // for telemetry: nobody puts anything into it
  u32 published = 0, taken = 0;  // tickets
  u64 total_published = 0, total_taken = 0;
};

}  // namespace ringway
