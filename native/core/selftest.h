// What `ringway validate` measures on this machine: slot queues and call cells between two threads, without
// Python. Each of these calls is one short run of two spinning threads, so it needs two cores; the caller takes the
// best of several.
#pragma once
#include <cstdint>

namespace ringway {

struct ThroughputRun {
  double seconds;
  std::uint64_t wrong;  // messages whose bytes were not those that were sent
};

// `messages` of 56 bytes through one queue of 64-byte slots, written and read in place in batches of `batch`.
ThroughputRun queue_throughput(std::uint32_t messages, std::uint32_t batch);

// Nanoseconds from one thread to the other: half a round trip, the mean of `round_trips`.
double queue_one_way_ns(std::uint32_t round_trips);

// The same through a call cell, 4 bytes each way.
double cell_one_way_ns(std::uint32_t round_trips);

// The least that these two cores need for the same: one word each way, on two lines or sharing one.
double floor_one_way_ns(std::uint32_t round_trips, bool shared_line);

// What dispatch kernels are measured against: the same work as one loop over n elements.
void plain_add(const float* a, const float* b, float* out, std::uint64_t n);
void plain_scale(const float* a, float* out, float factor, std::uint64_t n);

}  // namespace ringway
