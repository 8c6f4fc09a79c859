// Short-lived threads for loops over whole graphs, whose work dwarfs a thread's start.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace ringway {

// Threads worth starting for `work` steps of a few nanoseconds each.
inline unsigned threads_for(std::uint64_t work) {
  constexpr std::uint64_t kStepsPerThread = 1 << 18;
  const std::uint64_t cores = std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
  return static_cast<unsigned>(std::clamp<std::uint64_t>(work / kStepsPerThread, 1, cores));
}

// Calls body(t) for every t below `threads`, each on its own thread; t = 0 runs on the caller. `body` must
// not throw.
template <class Body>
void run_threads(unsigned threads, const Body& body) {
  std::vector<std::thread> others;
  others.reserve(threads);
  for (unsigned t = 1; t < threads; ++t) others.emplace_back([&body, t] { body(t); });
  body(0U);
  for (std::thread& other : others) other.join();
}

// First index of part t of `parts` near-equal parts of [0, size).
inline std::uint64_t part_begin(std::uint64_t size, unsigned t, unsigned parts) {
  return size / parts * t + std::min<std::uint64_t>(t, size % parts);
}

}  // namespace ringway
