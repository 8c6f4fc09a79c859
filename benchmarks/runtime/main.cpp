// The CPU runtime without Python: prints one JSON object of "name": value pairs. Run by ../run_runtime.py.
//
//   request       caller -> kernel echo -> caller, 56-byte bodies, ns per round trip: p50 and p99
//   ping-pong     what two threads need at least for a round trip, one word each way, ns: p50 and p99
//   one way       from send to the start of the handler, the caller barred from running it, ns: p50 and p99
//   ring, one     two relays that pass tokens round in a circle on one worker, M hops/s of 56-byte struct messages
//   ring, two     the same with each relay on its own worker
//   there, back   a burst of half a mailbox to echo and its answers back, M messages/s, also with telemetry off
//   launch        a kernel launched and activated, us: p50 and p99;  three of them in a row, us;  first message: the first
//                 round trip after it, us
//   poll loop     looks of an idle spinning worker, M/s
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "backends/cpu/backend.h"
#include "core/runtime.h"
#include "one_way.h"

namespace ringway {
namespace {

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

std::shared_ptr<Runtime> start(u32 workers, bool assist) {
  return Runtime::start({.backend = "cpu", .workers = workers, .assist = assist});
}

std::shared_ptr<Kernel> active(Runtime& runtime, const char* kernel, const LaunchOptions& options) {
  auto launched = runtime.launch(kernel, "", options);
  launched->activate();
  return launched;
}

using bench::Percentiles;

double request_ns(Kernel& kernel, u64 number) {
  u8 body[56];
  std::memset(body, 0, sizeof(body));
  std::memcpy(body, &number, sizeof(number));
  Envelope envelope{};
  fresh_id(envelope.message_id);
  const auto began = Clock::now();
  auto* cell = kernel.ask(envelope, body, "");
  const Reply reply = kernel.wait(cell, Wait::seconds(10), 10);
  const double ns = ns_since(began);
  if (reply.body.size() != sizeof(body) || std::memcmp(reply.body.data(), body, sizeof(body)) != 0) {
    std::fprintf(stderr, "a reply differs from its request\n");
    std::exit(1);
  }
  kernel.runtime().replies().give_back(cell);
  return ns;
}

Percentiles round_trips(bool assist, Idle idle, u32 count, BridgeKind bridge = BridgeKind::kDirect) {
  auto runtime = start(1, assist);
  LaunchOptions options;
  options.idle = idle;
  options.slot_size = 56;
  options.bridge = bridge;
  auto echo = active(*runtime, "echo", options);
  std::vector<double> times(count);
  for (u32 i = 0; i < count / 10; ++i) request_ns(*echo, i);
  for (u32 i = 0; i < count; ++i) times[i] = request_ns(*echo, i);
  runtime->close();
  return bench::percentiles(std::move(times));
}

struct Counted {
  double on, off;  // ns of a round trip, the median of the blocks
};

// What counting costs: blocks of assisted round trips with telemetry on and off in turn, so that both see the same machine.
Counted telemetry_cost(u32 blocks) {
  constexpr u32 kBlock = 512;
  auto runtime = start(1, true);
  LaunchOptions options;
  options.slot_size = 56;
  auto echo = active(*runtime, "echo", options);
  std::vector<double> times[2];
  for (u32 block = 0; block < 2 * blocks; ++block) {
    echo->enable_telemetry(block % 2 == 0);
    double sum = 0;
    for (u32 i = 0; i < kBlock; ++i) sum += request_ns(*echo, i);
    if (block >= 2 * (blocks / 10)) times[block % 2].push_back(sum / kBlock);  // the first ones warm up
  }
  runtime->close();
  return {bench::percentiles(std::move(times[0])).p50, bench::percentiles(std::move(times[1])).p50};
}

// Millions of messages per second from this thread to echo and back, in bursts of half a mailbox.
double there_and_back(BridgeKind bridge, u32 bursts, bool telemetry) {
  constexpr u32 kBurst = 2048;
  auto runtime = start(1, false);
  LaunchOptions options;
  options.slot_size = 56;
  options.bridge = bridge;
  auto echo = active(*runtime, "echo", options);
  echo->enable_telemetry(telemetry);
  u64 wrong = 0;
  auto burst = [&](u64 first) {
    u8 body[56] = {};
    for (u64 i = first; i < first + kBurst; ++i) {
      std::memcpy(body, &i, sizeof(i));
      echo->send(Envelope{}, body, "");
    }
    Message message;
    for (u64 i = first; i < first + kBurst; ++i) {
      echo->receive(&message, Wait::seconds(10));
      wrong += message.body.size() != sizeof(body) || std::memcmp(message.body.data(), &i, sizeof(i)) != 0;
    }
  };
  for (u64 i = 0; i < 4; ++i) burst(i * kBurst);  // the rings' first lap touches their pages
  const auto began = Clock::now();
  for (u64 i = 0; i < bursts; ++i) burst(i * kBurst);
  const double rate = double(bursts) * kBurst / ns_since(began) * 1e3;
  runtime->close();
  if (wrong) {
    std::fprintf(stderr, "%llu messages came back wrong\n", static_cast<unsigned long long>(wrong));
    std::exit(1);
  }
  return rate;
}

double ring_hops(u32 workers, double seconds) {
  auto runtime = start(workers, true);
  LaunchOptions options;
  options.slot_size = 56;
  options.capacity = 1024;
  options.worker = 0;
  auto first = active(*runtime, "relay", options);
  options.worker = workers - 1;
  auto second = active(*runtime, "relay", options);
  runtime->link(*first, *second, 1024, 56);
  runtime->link(*second, *first, 1024, 56);
  u8 body[56] = {};
  for (int i = 0; i < 768; ++i) {
    Envelope envelope{};
    first->send(envelope, body, "");
  }
  auto hops = [&] { return first->telemetry().control.sent + second->telemetry().control.sent; };
  while (hops() < 1'000'000) std::this_thread::yield();
  const u64 before = hops();
  const auto began = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const u64 after = hops();
  const double rate = double(after - before) / ns_since(began) * 1e3;
  runtime->close();
  return rate;
}

double idle_looks(double seconds) {
  auto runtime = start(1, false);
  LaunchOptions options;
  options.idle = Idle::kSpin;
  auto echo = active(*runtime, "echo", options);
  const u64 before = runtime->backend().idle_looks();
  const auto began = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double rate = double(runtime->backend().idle_looks() - before) / ns_since(began) * 1e3;
  runtime->close();
  return rate;
}

struct Launch {
  Percentiles one_us;
  double three_us, first_us;
};

Launch launch(u32 count) {
  auto runtime = start(2, true);
  request_ns(*active(*runtime, "echo", {}), 0);
  std::vector<double> times(count);
  for (double& time : times) {
    const auto began = Clock::now();
    auto kernel = active(*runtime, "echo", {});
    time = ns_since(began) * 1e-3;
    kernel->terminate(false, Wait::seconds(1));
  }
  const auto began = Clock::now();
  auto one = active(*runtime, "echo", {});
  active(*runtime, "echo", {});
  active(*runtime, "echo", {});
  const double three = ns_since(began) * 1e-3;
  const double first = request_ns(*one, 1) * 1e-3;
  runtime->close();
  return {bench::percentiles(std::move(times)), three, first};
}

// One JSON object, a line for each figure.
class Figures {
 public:
  void add(const char* what, const char* unit, double value) {
    std::printf("%s\"%s, %s\": %.4g", first_ ? "{" : ",\n ", what, unit, value);
    first_ = false;
  }
  void add(const std::string& what, const char* unit, const Percentiles& values) {
    add((what + " p50").c_str(), unit, values.p50);
    add((what + " p99").c_str(), unit, values.p99);
  }
  void end() { std::printf("}\n"); }

 private:
  bool first_ = true;
};

}  // namespace
}  // namespace ringway

int main(int count, char** arguments) {
  using namespace ringway;
  const double scale = count > 1 ? std::atof(arguments[1]) : 1;
  const u32 trips = u32(200'000 * scale);
  register_backend(cpu::backend());
  const u32 few = trips / 20;
  const u32 bursts = std::max(u32(500 * scale), 1U);
  Figures figures;
  figures.add("request", "ns", round_trips(true, Idle::kPark, trips));
  const Counted counted = telemetry_cost(std::max(trips / 1000, 20U));
  figures.add("request, telemetry on", "ns", counted.on);
  figures.add("request, telemetry off", "ns", counted.off);
  figures.add("request to a spinning worker", "ns", round_trips(false, Idle::kSpin, trips));
  figures.add("request to a parked worker", "ns", round_trips(false, Idle::kPark, few));
  figures.add("ping-pong of two threads", "ns", bench::ping_pong(trips));
  figures.add("one way to a spinning worker", "ns", bench::one_way(Idle::kSpin, trips));
  figures.add("one way to a parked worker", "ns", bench::one_way(Idle::kPark, few));
  figures.add("ring on one worker", "M messages/s", ring_hops(1, 0.5 * scale));
  figures.add("ring across two workers", "M messages/s", ring_hops(2, 0.5 * scale));
  figures.add("empty poll loop", "M looks/s", idle_looks(0.3 * scale));
  const Launch launched = launch(std::max(u32(2000 * scale), 100U));
  figures.add("launch and activate", "us", launched.one_us);
  figures.add("three kernels launched", "us", launched.three_us);
  figures.add("first message after launch", "us", launched.first_us);
  figures.add("request over a pumped bridge", "ns", round_trips(true, Idle::kPark, few, BridgeKind::kPumped));
  figures.add("request over a pumped bridge, spinning worker", "ns",
              round_trips(true, Idle::kSpin, few, BridgeKind::kPumped));
  figures.add("there and back, direct", "M messages/s", there_and_back(BridgeKind::kDirect, bursts, true));
  figures.add("there and back, direct, telemetry off", "M messages/s",
              there_and_back(BridgeKind::kDirect, bursts, false));
  figures.add("there and back over a pumped bridge", "M messages/s",
              there_and_back(BridgeKind::kPumped, bursts, true));
  figures.end();
  return 0;
}
