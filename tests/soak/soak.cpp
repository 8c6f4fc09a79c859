// Mixed load with random faults: every message is checked by checksum and sequence. None may be lost, doubled or
// reordered; a message on which a handler was told to break, and one that a policy or its time to live lets go, are the
// only ones that may go missing, and exactly those, counted. What runs stands in round.h and parts.h.
//
// Each round has other sizes, capacities, batches, workers and policies for broken handlers; most messages are those on
// its links, and beside them some of the parts run, each in its turn.
//
//   soak [--seed N] [--seconds S] [--messages N] [--round N]     ends at whatever comes first; a minute without either
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>

#include "backends/cpu/backend.h"
#include "core/runtime.h"
#include "parts.h"
#include "round.h"

namespace ringway::soak {
namespace {

constexpr u64 kMostParts = 3;  // beside one round

struct Counts {
  RoundCounts round;
  u64 parts[std::size(kParts)] = {};

  u64 all() const {
    u64 sum = round.links + round.host + round.requests;
    for (const u64 part : parts) sum += part;
    return sum;
  }
  std::string text() const {
    std::string line;
    auto add = [&](const char* name, u64 count) {
      line += (line.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(count);
    };
    add("links", round.links);
    add("host", round.host);
    add("requests", round.requests);
    for (u32 i = 0; i < std::size(kParts); ++i) add(kParts[i].name, parts[i]);
    return line;
  }
};

// The parts in an order of the seed's, each once before one comes again.
class Turns {
 public:
  u32 next(Random& random) {
    if (left_ == 0) {
      left_ = u32(std::size(kParts));
      for (u32 i = 0; i < left_; ++i) order_[i] = i;
      std::shuffle(std::begin(order_), std::end(order_), random);
    }
    return order_[--left_];
  }

 private:
  u32 order_[std::size(kParts)] = {};
  u32 left_ = 0;
};

int soak(const Plan& plan) {
  register_backend(cpu::backend());
  add_round_kernels();
  Random random(plan.seed);
  const std::int64_t began = now_ns();
  auto seconds = [&] { return double(now_ns() - began) * 1e-9; };
  auto goes_on = [&](const Counts& counts) {
    return counts.all() < plan.messages && seconds() < plan.seconds;
  };
  Counts counts;
  Turns turns;
  u32 rounds = 0;
  while (goes_on(counts)) {
    auto runtime =
        Runtime::start({.backend = "cpu", .workers = u32(1 + random() % 3), .assist = random() % 2 == 0});
    for (u32 i = 0; i < 16 && goes_on(counts); ++i, ++rounds) {
      const RoundCounts round = run_round(plan, *runtime, random, [&, seed = random()] {
        Random own(seed);
        for (u64 left = 1 + own() % kMostParts; left; --left) {
          const u32 part = turns.next(own);
          counts.parts[part] += kParts[part].run(plan, *runtime, own);
        }
      });
      counts.round.links += round.links;
      counts.round.host += round.host;
      counts.round.requests += round.requests;
    }
    runtime->close();
  }
  std::printf("soak, seed %llu: %llu messages checked in %u rounds, %.1f s, %.2f M/s: %s\n",
              static_cast<unsigned long long>(plan.seed), static_cast<unsigned long long>(counts.all()),
              rounds, seconds(), double(counts.all()) / seconds() * 1e-6, counts.text().c_str());
  return 0;
}

}  // namespace
}  // namespace ringway::soak

int main(int count, char** arguments) {
  if (count > 1 && std::string(arguments[1]) == "--child") return ringway::soak::run_child(count, arguments);
  ringway::soak::Plan plan;
  plan.program = arguments[0];
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    if (name == "--seed")
      plan.seed = std::strtoull(arguments[i + 1], nullptr, 10);
    else if (name == "--seconds")
      plan.seconds = std::atof(arguments[i + 1]);
    else if (name == "--messages")
      plan.messages = std::strtoull(arguments[i + 1], nullptr, 10);
    else if (name == "--round")
      plan.round = std::max(1ULL, std::strtoull(arguments[i + 1], nullptr, 10));
    else
      count = 0;
  }
  if (plan.seconds == 0) plan.seconds = plan.messages == ringway::soak::Plan{}.messages ? 60 : 1e9;
  if (count % 2 == 0) {
    std::fprintf(stderr, "usage: soak [--seed N] [--seconds S] [--messages N] [--round N]\n");
    return 2;
  }
  try {
    return ringway::soak::soak(plan);
  } catch (const ringway::Error& error) {
    ringway::soak::wrong(plan, error.what());
  }
}
