// Two threads, a few accesses each, on many instances side by side, and how often each outcome was seen.
#pragma once
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "native/queue/harness.h"

namespace ringway::testing {

enum : u32 { kInstances = 1024 };

// Runs `one` and `two` on every instance side by side, in rounds; how often each outcome was seen.
template <class Instance, class One, class Two, class Outcome>
std::map<std::string, u64> outcomes(One one, Two two, Outcome outcome) {
  const u32 rounds = full_run() ? 20000 : 400;
  std::vector<Instance> instances(kInstances);
  std::map<std::string, u64> seen;
  for (u32 round = 0; round < rounds; ++round) {
    for (auto& instance : instances) instance = Instance{};
    std::atomic<int> missing{2};
    const auto run = [&](auto body) {
      missing.fetch_sub(1);
      while (missing.load()) std::this_thread::yield();
      for (auto& instance : instances) body(&instance);
    };
    std::thread other([&] { run(two); });
    run(one);
    other.join();
    for (auto& instance : instances) ++seen[outcome(instance)];
  }
  return seen;
}

inline void forbid(const std::map<std::string, u64>& seen, const std::string& outcome, const char* why) {
  const auto found = seen.find(outcome);
  EXPECT_TRUE(found == seen.end()) << "FORBIDDEN " << outcome << " seen " << found->second
                                   << " times: " << why;
}

}  // namespace ringway::testing
