// Owns the memory of one slot queue, or attaches to memory that another made.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "core/latency.h"
#include "ringway/atomics_host.h"
#include "ringway/slot_queue.h"

namespace ringway {

using QueueAtomics = HostAtomics<u64>;
using QueueRing = Ring<QueueAtomics>;

// What happens to a message that finds the queue full.
enum class Backpressure : u32 { kBlock, kReject, kDropNew, kDropOldest };

struct QueueOptions {
  std::string name;
  u32 capacity = 4096;    // slots, a power of two
  u32 max_message = 0;    // bytes; 0: undeclared, kUndeclaredMessage
  bool variable = false;  // the largest message may turn out larger than declared: a fifth of headroom
  std::string type;       // of the messages, for error texts; empty: any
  Backpressure policy = Backpressure::kBlock;
  bool prefault = false;  // have all pages before the first message
};

enum : u32 { kUndeclaredMessage = 4096, kMaxMessage = kSizeMask };

// Bytes from slot to slot for messages of at most `max_message` bytes.
u32 slot_stride_for(u64 max_message, bool variable_length);

struct QueueCounts {
  u64 depth;  // published or claimed, and not yet taken
  u64 dropped_oldest, dropped_new, refused_full, refused_size;
  u64 taken;  // since creation
};

class Queue {
 public:
  // A header of its own, and pages for the slots, which the system fills with zeros when they are first touched: a new
  // queue holds none.
  explicit Queue(QueueOptions options);
  // Memory that starts with a queue's header; it must outlive this and be aligned to kIndexLine. Throws
  // kLayout, with the field and its value, when it is not a queue of this layout.
  Queue(void* memory, std::size_t bytes, std::string name, Backpressure policy = Backpressure::kBlock);
  ~Queue();
  Queue(Queue&& other) noexcept;
  Queue& operator=(Queue&& other) noexcept;

  const QueueRing& ring() const { return ring_; }
  const QueueOptions& options() const { return options_; }
  const std::string& name() const { return options_.name; }
  // The largest message in bytes: the payload of a slot.
  u32 max_message() const {
    return ring_.stride - u32(sizeof(PackedHead)) < kMaxMessage ? ring_.stride - u32(sizeof(PackedHead))
                                                                : kMaxMessage;
  }
  QueueCounts counts() const;
  // Claims the next message, as Consumer::peek(1), once `make_room(bytes)` has made room for it: memory that is missing
  // after the claim would lose the message, and another receiver may leave a larger one than was looked at.
  template <class MakeRoom>
  bool claim_next(u64* ticket, MakeRoom make_room) const {
    u64* const index = &ring_.header->dequeue;
    *ticket = QueueAtomics::load_index(index);
    for (;;) {
      if (!ready_run(ring_, *ticket, 1, 1)) {
        // Relaxed: a stale ticket is found out by its slot or by the compare-exchange.
        const u64 now = QueueAtomics::load_index(index);
        if (now == *ticket) return false;
        *ticket = now;
        continue;
      }
      make_room(bytes_of(*ticket));
      // SYNC: relaxed: as in claim_shared(): order comes from the slot, in ready_run().
      if (!QueueAtomics::claim_index(index, ticket, *ticket + 1)) continue;
      QueueAtomics::expect_write(ring_.slot(*ticket + 1 + kExpectFull));
      return true;
    }
  }
  // Of a message that is there, never more than a slot holds.
  u32 bytes_of(u64 ticket) const {
    Consumer<QueueAtomics, true> side;
    side.ring = ring_;
    const u32 bytes = side.size(ticket);
    return bytes < max_message() ? bytes : max_message();
  }

  // Before the queue is used: the latency of one message in `every`, a power of two, is measured.
  void sample_latency(u32 every) { latency_ = std::make_unique<Latency>(ring_.capacity, every); }
  Latency* latency() const { return latency_.get(); }  // null: not measured

 private:
  QueueOptions options_;
  QueueRing ring_{};
  std::unique_ptr<QueueHeader<QueueAtomics>> own_header_;  // null when attached, and so are the pages
  void* pages_ = nullptr;
  std::size_t bytes_ = 0;
  std::unique_ptr<Latency> latency_;
};

inline u8* payload_at(const QueueRing& ring, u64 ticket) {
  return reinterpret_cast<u8*>(raw_payload(ring.slot(ticket)));
}

}  // namespace ringway
