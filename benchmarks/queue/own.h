// ringway's queue: ends with a copy and in place. An end is a handle on its thread's stack.
#pragma once
#include <sys/mman.h>

#include "ringway/atomics_host.h"
#include "ringway/call_cell.h"
#include "ringway/slot_queue.h"

namespace bench {

using Atomics = ringway::HostAtomics<ringway::u64>;

class OwnMemory {
 public:
  OwnMemory(ringway::u32 capacity, std::size_t payload) {
    const ringway::u32 stride = ringway::u32((payload + 8 + 63) / 64 * 64);
    bytes_ = sizeof(ringway::QueueHeader<Atomics>) + std::size_t(capacity) * stride;
    pages_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    auto* header = static_cast<ringway::QueueHeader<Atomics>*>(pages_);
    auto* slots = reinterpret_cast<ringway::u8*>(header + 1);
    ringway::create<Atomics>(header, slots, capacity, stride, 0);
    ring = ringway::attach<Atomics>(header, slots);
  }
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;
  ~OwnMemory() { munmap(pages_, bytes_); }
  ringway::Ring<Atomics> ring;

 private:
  void* pages_;
  std::size_t bytes_;
};

template <class Side>
Side open(const OwnMemory& memory) {
  Side side;
  side.open(memory.ring);
  return side;
}
template <bool kShared>
using Producer = ringway::Producer<Atomics, kShared>;
template <bool kShared>
using Consumer = ringway::Consumer<Atomics, kShared>;

inline std::uint64_t* words_at(const ringway::Ring<Atomics>& ring, std::uint64_t ticket) {
  return reinterpret_cast<std::uint64_t*>(ringway::raw_payload(ring.slot(ticket)));
}

}  // namespace bench
