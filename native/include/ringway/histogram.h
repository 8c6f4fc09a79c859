// How long things took, counted by size: 256 buckets of a fixed layout, eight to each doubling (log-linear, as in
// HdrHistogram), so that the middle of a bucket lies within 1/16 of every duration in it. Durations below 64 ns fall
// into buckets of 8 ns; those of 2^37 ns (137 s) and more into the last.
#pragma once
#include "config.h"

namespace ringway {

enum : u32 { kSubBits = 3, kSubBuckets = 1u << kSubBits, kLinearBits = 6, kHistogramBuckets = 256 };

// The types of the words come from the policy `A`; several writers may add, and anyone may read meanwhile.
template <class A>
struct Histogram {
  typename A::Index sum;  // ns
  typename A::Index buckets[kHistogramBuckets];
};

RW_FN u32 bucket_of(u64 ns) {
  if (ns < (1u << kLinearBits)) return u32(ns) >> (kLinearBits - kSubBits);
  u32 octave = 0;  // position of the highest bit
  u64 rest = ns;
  for (u32 step = 32; step; step >>= 1) {
    if (rest >> step) {
      rest >>= step;
      octave += step;
    }
  }
  const u32 sub = u32(ns >> (octave - kSubBits)) & (kSubBuckets - 1);
  const u32 bucket = (octave - kLinearBits + 1) * kSubBuckets + sub;
  return bucket < kHistogramBuckets ? bucket : kHistogramBuckets - 1;
}

// The least duration in a bucket, in ns; that of the bucket behind the last is where the last one's width ends.
RW_FN u64 bucket_floor(u32 bucket) {
  if (bucket < kSubBuckets) return u64(bucket) << (kLinearBits - kSubBits);
  const u32 octave = bucket / kSubBuckets - 1 + kLinearBits;
  return (u64(kSubBuckets) + bucket % kSubBuckets) << (octave - kSubBits);
}

template <class A>
RW_FN void add_duration(RW_SHARED Histogram<A>* histogram, u64 ns) {
  A::add_index(&histogram->buckets[bucket_of(ns)], 1);
  A::add_index(&histogram->sum, typename A::Ticket(ns));
}

}  // namespace ringway
