// A queue in plain memory for the tests of the ring itself, which may start at any ticket, and messages whose
// every byte follows from (sender, number).
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "ringway/atomics_host.h"
#include "ringway/slot_queue.h"

namespace ringway::testing {

enum : u32 { kSlotWords = 14 };

template <class A>
class RawQueue {
 public:
  RawQueue(u32 capacity, u32 stride, typename A::Ticket first)
      : memory_(std::aligned_alloc(
            kIndexLine, (sizeof(QueueHeader<A>) + std::size_t(capacity) * stride + 127) / 128 * 128)) {
    std::memset(memory_, 0, sizeof(QueueHeader<A>) + std::size_t(capacity) * stride);
    auto* header = static_cast<QueueHeader<A>*>(memory_);
    u8* slots = static_cast<u8*>(memory_) + sizeof(QueueHeader<A>);
    create<A>(header, slots, capacity, stride, first);
    ring = attach<A>(header, slots);
  }
  RawQueue(const RawQueue&) = delete;
  RawQueue& operator=(const RawQueue&) = delete;
  ~RawQueue() { std::free(memory_); }

  Ring<A> ring;

 private:
  void* memory_;
};

template <class Side, class A>
Side open(Ring<A> ring) {
  Side side;
  side.open(ring);
  return side;
}

inline u32 mix(u32 x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  return x * 0x846ca68bu;
}

// Words 0 and 1 name the message, the rest is a checksum of it and of each word's place.
inline void write_message(u32* words, u32 count, u32 sender, u32 number) {
  for (u32 i = 0; i < count; ++i)
    words[i] = i == 0 ? sender : i == 1 ? number : mix(sender * 31 + number + i * 65537);
}
inline bool whole_message(const u32* words, u32 count) {
  for (u32 i = 2; i < count; ++i) {
    if (words[i] != mix(words[0] * 31 + words[1] + i * 65537)) return false;
  }
  return true;
}

inline bool full_run() {
  const char* full = std::getenv("RINGWAY_FULL");
  return full && std::strcmp(full, "1") == 0;
}

}  // namespace ringway::testing
