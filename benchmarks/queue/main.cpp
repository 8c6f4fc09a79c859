// The slot queue beside other queues, in one interleaved run.   usage: bench_queue [--repeats N] [--scale X] [--only TEXT]
// Prints JSON: a list of {what, name, unit, samples}; a sample is [value, ns between the cores before it, after it]. --scale multiplies the messages of each run.
#include "peers.h"
#include "runs.h"

namespace bench {
namespace {

using Small = Message<56>;
using Large = Message<4096>;
constexpr unsigned kSmallSlots = 1024, kLargeSlots = 64;
// A capacity that a peer is given so that it holds as many messages.
std::vector<Contestant> contestants;
double scale = 1;

std::uint64_t scaled(double count) {
  const auto n = std::uint64_t(count * scale);
  return n < 256 ? 256 : n / 8 * 8;
}
void add(std::string what, std::string name, std::string unit, std::function<double()> run) {
  contestants.push_back({std::move(what), std::move(name), std::move(unit), std::move(run), {}});
}
template <class Q, class M>
void peer(const char* what, const char* name, std::size_t capacity, double each, int producers,
          int consumers) {
  add(what, name, "M/s",
      [=] { return throughput<Q, M>(name, capacity, scaled(each), producers, consumers); });
}

void small_spsc() {
  const char* what = "56 B, 1P1C";
  const double n = 2e6;
  add(what, "ringway in place, batches of 8", "M/s",
      [=] { return own_in_place<Small, false, false>(what, kSmallSlots, scaled(n), 8, 1, 1); });
  add(what, "ringway in place, batches of 32", "M/s",
      [=] { return own_in_place<Small, false, false>(what, kSmallSlots, scaled(n), 32, 1, 1); });
  add(what, "ringway push/pop", "M/s",
      [=] { return own_copied<Small, false>(what, kSmallSlots, scaled(n), 1, 1); });
  peer<AtomicQueue<Small, kSmallSlots, true, false>, Small>(what, "atomic_queue SPSC push/pop", kSmallSlots,
                                                            n, 1, 1);
  peer<AtomicQueue<Small, kSmallSlots, true, true>, Small>(what, "atomic_queue SPSC try", kSmallSlots, n / 2,
                                                           1, 1);
  peer<RigtorpSpsc<Small>, Small>(what, "rigtorp SPSC", kSmallSlots, n, 1, 1);
  peer<MoodycamelSpsc<Small>, Small>(what, "moodycamel ReaderWriterQueue", kSmallSlots, n / 4, 1, 1);
  peer<BoostSpsc<Small>, Small>(what, "boost spsc_queue", kSmallSlots, n / 2, 1, 1);
}

void small_latency() {
  const char* what = "56 B, one way";
  const double n = 1e5;
  add(what, "floor, two lines", "ns", [=] { return floor_one_way(false, scaled(n)); });
  add(what, "ringway queue", "ns", [=] { return own_one_way<Small>(what, 16, scaled(n)); });
  add(what, "rigtorp SPSC", "ns",
      [=] { return one_way<RigtorpSpsc<Small>, Small>(what, kSmallSlots, scaled(n)); });
  add(what, "atomic_queue SPSC push/pop", "ns", [=] {
    return one_way<AtomicQueue<Small, kSmallSlots, true, false>, Small>(what, kSmallSlots, scaled(n));
  });
  const char* cell = "48 B, one way in one line";
  add(cell, "floor, shared line", "ns", [=] { return floor_one_way(true, scaled(n)); });
  add(cell, "ringway call cell", "ns", [=] { return cell_one_way(cell, scaled(n)); });
}

void small_mpmc(const char* what, int producers, int consumers) {
  const double n = 1e6 / producers;
  add(what, "ringway push/pop", "M/s",
      [=] { return own_copied<Small, true>(what, kSmallSlots, scaled(n), producers, consumers); });
  peer<RigtorpMpmc<Small>, Small>(what, "rigtorp MPMC", kSmallSlots, n, producers, consumers);
  peer<Moodycamel<Small>, Small>(what, "moodycamel ConcurrentQueue", kSmallSlots, n, producers, consumers);
  peer<BoostMpmc<Small>, Small>(what, "boost queue", kSmallSlots, n / 4, producers, consumers);
  peer<AtomicQueue<Small, kSmallSlots, false, true>, Small>(what, "atomic_queue try", kSmallSlots, n / 8,
                                                            producers, consumers);
  add(what, "ringway in place, batches of 32", "M/s", [=] {
    return own_in_place<Small, true, false>(what, kSmallSlots, scaled(n), 32, producers, consumers);
  });
  add(what, "ringway in place, batches of 8", "M/s", [=] {
    return own_in_place<Small, true, false>(what, kSmallSlots, scaled(n), 8, producers, consumers);
  });
  add(what, "moodycamel bulk of 32", "M/s", [=] {
    return bulk_throughput<Moodycamel<Small>, Small, 32>(what, kSmallSlots, scaled(n), producers, consumers);
  });
  add(what, "moodycamel bulk of 8", "M/s", [=] {
    return bulk_throughput<Moodycamel<Small>, Small, 8>(what, kSmallSlots, scaled(n), producers, consumers);
  });
}

void large() {
  const char* what = "4096 B, 1P1C";
  const double n = 1e5;
  // A claim of a whole batch needs the batch free: few large slots would leave the two sides waiting for each other.
  add(what, "ringway batches of 8, copied out", "M/s",
      [=] { return own_in_place<Large, false, true>(what, kLargeSlots, scaled(n), 8, 1, 1); });
  add(what, "ringway read in place, singly", "M/s",
      [=] { return own_in_place<Large, false, false>(what, kLargeSlots, scaled(n), 1, 1, 1); });
  add(what, "ringway batches of 8, in place", "M/s",
      [=] { return own_in_place<Large, false, false>(what, kLargeSlots, scaled(n), 8, 1, 1); });
  add(what, "ringway push/pop", "M/s",
      [=] { return own_copied<Large, false>(what, kLargeSlots, scaled(n), 1, 1); });
  peer<RigtorpMpmc<Large>, Large>(what, "rigtorp MPMC", kLargeSlots, n, 1, 1);
  peer<RigtorpSpsc<Large>, Large>(what, "rigtorp SPSC", kLargeSlots, n, 1, 1);
  peer<AtomicQueue<Large, kLargeSlots, true, false>, Large>(what, "atomic_queue SPSC push/pop", kLargeSlots,
                                                            n, 1, 1);
  peer<BoostSpsc<Large>, Large>(what, "boost spsc_queue", kLargeSlots, n, 1, 1);
  peer<MoodycamelSpsc<Large>, Large>(what, "moodycamel ReaderWriterQueue", kLargeSlots, n, 1, 1);
}

void print() {
  std::printf("[");
  const char* between = "\n";
  for (const Contestant& contestant : contestants) {
    std::printf("%s{\"what\": \"%s\", \"name\": \"%s\", \"unit\": \"%s\", \"samples\": [", between,
                contestant.what.c_str(), contestant.name.c_str(), contestant.unit.c_str());
    for (std::size_t i = 0; i < contestant.samples.size(); ++i) {
      const Sample& sample = contestant.samples[i];
      std::printf("%s[%.5g, %.4g, %.4g]", i ? ", " : "", sample.value, sample.before, sample.after);
    }
    std::printf("]}");
    between = ",\n";
  }
  std::printf("\n]\n");
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  int repeats = 5;
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--repeats") repeats = std::atoi(argv[i + 1]);
    if (option == "--scale") scale = std::atof(argv[i + 1]);
    if (option == "--only") only = argv[i + 1];
  }
  small_spsc();
  small_latency();
  small_mpmc("56 B, 2P2C", 2, 2);
  small_mpmc("56 B, 4P4C", 4, 4);
  large();
  std::erase_if(contestants, [&](const Contestant& c) {
    return (c.what + ": " + c.name).find(only) == std::string::npos;
  });
  const auto distance = [] { return floor_one_way(false, 5000); };
  for (int round = 0; round < repeats; ++round) {
    for (Contestant& contestant : contestants) {
      const double before = distance(), value = contestant.run();
      contestant.samples.push_back({value, before, distance()});
    }
  }
  print();
}
