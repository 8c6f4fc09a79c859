// What every part of the soak shares: the plan, the end when something is wrong, and messages that tell whether they are
// the right ones.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "core/error.h"
#include "core/reply.h"
#include "core/wait.h"
#include "ringway/layout.h"

namespace ringway::soak {

using Random = std::mt19937_64;

struct Plan {
  u64 seed = 1;
  double seconds = 0;  // 0: as long as the messages take, or a minute
  u64 messages = ~u64(0);
  u64 round = 4'000'000;  // about as many messages on links between two terminations
  const char* program = "";
};

constexpr double kPatience = 300;  // seconds; who waits longer waits for a message that is lost
inline Wait patience() {
  return Wait::seconds(kPatience);
}

[[noreturn]] inline void wrong(const Plan& plan, const std::string& what) {
  std::fprintf(stderr, "soak, seed %llu: %s\n", static_cast<unsigned long long>(plan.seed), what.c_str());
  std::_Exit(1);
}

// A thread in which an error is the end of the soak.
template <class Body>
std::thread thread(const Plan& plan, Body body) {
  return std::thread([&plan, body] {
    try {
      body();
    } catch (const Error& error) {
      wrong(plan, error.what());
    }
  });
}

inline Envelope envelope_of_any() {
  Envelope envelope{};
  fresh_id(envelope.message_id);
  envelope.priority = u8(kDefaultPriority);
  envelope.timestamp_us = unix_us();
  return envelope;
}

inline u64 mixed(u64 x) {  // splitmix64's finaliser
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Sequence, checksum, then words that follow from both; the length follows from the sequence too.
struct Pattern {
  static u32 bytes(u64 sequence, u32 most) { return 16 + u32(mixed(sequence) % ((most - 16) / 8 + 1)) * 8; }
  static void write(u8* to, u64 sequence, u32 size) {
    const u64 sum = mixed(sequence ^ u64(size) << 40);
    std::memcpy(to, &sequence, 8);
    std::memcpy(to + 8, &sum, 8);
    for (u32 at = 16; at < size; at += 8) {
      const u64 word = sum + at;
      std::memcpy(to + at, &word, 8);
    }
  }
  static bool holds(const u8* from, u64 sequence, u32 size, u32 most) {
    u64 found[2];
    if (size != bytes(sequence, most)) return false;
    std::memcpy(found, from, 16);
    const u64 sum = mixed(sequence ^ u64(size) << 40);
    if (found[0] != sequence || found[1] != sum) return false;
    for (u32 at = 16; at < size; at += 8) {
      u64 word = 0;
      std::memcpy(&word, from + at, 8);
      if (word != sum + at) return false;
    }
    return true;
  }
};

}  // namespace ringway::soak
