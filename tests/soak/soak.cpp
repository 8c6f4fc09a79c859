// Mixed load with random faults: every message is checked by checksum and sequence. None may be lost, doubled or
// reordered; a message on which a handler was told to break is the only one that may go missing, and exactly that one.
//
//   links     source -> relay -> relay -> check, from kernel to kernel: most of the messages
//   host      a thread sends, `faulty` answers and is told to break now and then, another thread receives
//   requests  a thread asks an echo and compares the answers
//   faults    deactivate and activate anywhere; at each round's end terminate, drained, and launch anew with other
//             sizes, capacities, batches, workers and policies for broken handlers
//
//   soak [--seed N] [--seconds S] [--messages N] [--round N]     ends at whatever comes first
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "backends/cpu/backend.h"
#include "backends/cpu/entry.h"
#include "backends/cpu/kernels.h"
#include "core/error.h"
#include "core/runtime.h"

namespace ringway {
namespace {

struct Plan {
  u64 seed = 1;
  double seconds = 60;
  u64 messages = ~u64(0);
  u64 round = 4'000'000;  // about as many messages on links between two terminations
};

[[noreturn]] void wrong(const Plan& plan, const std::string& what) {
  std::fprintf(stderr, "soak, seed %llu: %s\n", static_cast<unsigned long long>(plan.seed), what.c_str());
  std::_Exit(1);
}

u64 mixed(u64 x) {  // splitmix64's finaliser
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

// Told {how many, largest size}, it sends as many messages to its first link.
struct Source {
  struct State {
    u64 next, left;
    u32 most;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32 stride, u32 n, State* state, DrainStatus* status) {
    for (u32 i = 0; i < n; ++i) {
      const u8* told = body(first + u64(stride) * i);
      if (!state->left) {
        std::memcpy(&state->left, told, 8);
        std::memcpy(&state->most, told + 8, 4);
      }
      for (; state->left; --state->left, ++state->next) {
        const u32 bytes = Pattern::bytes(state->next, state->most);
        u8* to = ctx->reserve(1, bytes);
        if (!to) {
          status->code = kAgain;
          return i;
        }
        Pattern::write(to, state->next, bytes);
        ctx->commit(1, bytes);
      }
    }
    return n;
  }
};

// Checks what comes by its link; asked with the largest size, it answers {checked, wrong}.
struct Check {
  struct State {
    u64 next, wrong;
    u32 most;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32 stride, u32 n, State* state, DrainStatus* status) {
    for (u32 i = 0; i < n; ++i) {
      u8* slot = first + u64(stride) * i;
      if (ctx->input() != 0) {
        state->wrong += !Pattern::holds(payload(slot), state->next, payload_bytes(slot), state->most);
        ++state->next;
        continue;
      }
      std::memcpy(&state->most, body(slot), 4);
      u8* to = ctx->reserve_answer(envelope(slot), 0, 16);
      if (!to) {
        status->code = kAgain;
        return i;
      }
      std::memcpy(to, &state->next, 16);
      ctx->commit_answer(16);
    }
    return n;
  }
};

Envelope envelope_of_any() {
  Envelope envelope{};
  fresh_id(envelope.message_id);
  return envelope;
}

class Round {
 public:
  Round(const Plan& plan, Runtime& runtime, std::mt19937_64& random)
      : plan_(plan), runtime_(runtime), random_(random), size_(16 + 8 * pick(30)), small_(pick(4) == 0) {
    source_ = launch("soak.source");
    relays_[0] = launch("relay");
    relays_[1] = launch("relay");
    check_ = launch("soak.check");
    faulty_ = launch("faulty");
    echo_ = launch("echo");
    runtime_.link(*source_, *relays_[0], capacity(), size_);
    runtime_.link(*relays_[0], *relays_[1], capacity(), size_);
    runtime_.link(*relays_[1], *check_, capacity(), size_);
    for (Kernel* kernel : all()) kernel->activate();
    u64 counted[2];
    ask(*check_, &size_, sizeof(size_), counted, sizeof(counted));
  }

  // How many messages were checked.
  u64 run() {
    links_ = small_ ? 20'000 : plan_.round + pick(plan_.round);
    host_ = 2'000 + pick(20'000);
    requests_ = 500 + pick(5'000);
    u8 told[12];
    std::memcpy(told, &links_, 8);
    std::memcpy(told + 8, &size_, 4);
    source_->send(envelope_of_any(), told, "");
    std::thread sender([this] { send_all(); });
    std::thread receiver([this] { receive_all(); });
    std::thread asker([this] { ask_all(); });
    while (!atomic::load_seq_cst(&received_all_)) {  // SYNC: partner receive_all(); only the flag matters
      Kernel* kernel = all()[pick(6)];
      kernel->deactivate();
      if (pick(2)) std::this_thread::sleep_for(std::chrono::microseconds(pick(500)));
      kernel->activate();
      std::this_thread::sleep_for(std::chrono::microseconds(pick(5000)));
    }
    sender.join();
    receiver.join();
    asker.join();
    end();
    return links_ + host_ + requests_;
  }

 private:
  u64 pick(u64 below) { return random_() % below; }
  // Short queues, which wrap and fill all the time, in one round of four: they are slow.
  std::int64_t capacity() { return small_ ? 16LL << pick(3) : 512LL << pick(5); }
  std::vector<Kernel*> all() const {
    return {source_.get(), relays_[0].get(), relays_[1].get(), check_.get(), faulty_.get(), echo_.get()};
  }

  std::shared_ptr<Kernel> launch(const std::string& kernel) {
    LaunchOptions options;
    options.capacity = capacity();
    options.block_timeout = 300;
    options.slot_size = 256;
    options.batch = 1 + std::int64_t(pick(512));
    options.on_error = pick(2) ? OnError::kRestart : OnError::kSkip;
    options.restart_limit = 1'000'000;
    options.restart_backoff = pick(2) ? 0 : 1e-5;
    if (pick(2)) options.worker = std::int64_t(pick(runtime_.backend().workers()));
    return runtime_.launch(kernel, "", options);
  }

  void ask(Kernel& kernel, const void* body, std::size_t bytes, void* answer, std::size_t most) {
    auto* cell = kernel.ask(envelope_of_any(), {static_cast<const u8*>(body), bytes}, "");
    const Reply reply = kernel.wait(cell, Wait::seconds(300), 300);
    std::memcpy(answer, reply.body.data(), std::min(most, reply.body.size()));
    if (reply.body.size() != most)
      wrong(plan_, "an answer has " + std::to_string(reply.body.size()) + " bytes");
    runtime_.replies().give_back(cell);
  }

  void send_all() {
    static constexpr u8 kBreak[] = {'b', 'r', 'e', 'a', 'k'};
    std::mt19937_64 random(plan_.seed ^ host_);
    u8 body[256];
    for (u64 i = 0; i < host_; ++i) {
      if (random() % 64 == 0) faulty_->send(envelope_of_any(), kBreak, "");
      const u32 bytes = Pattern::bytes(i, size_);
      Pattern::write(body, i, bytes);
      faulty_->send(envelope_of_any(), {body, bytes}, "");
    }
  }

  void receive_all() {
    Message message;
    for (u64 i = 0; i < host_; ++i) {
      if (!faulty_->receive(&message, Wait::seconds(300)))
        wrong(plan_, "host message " + std::to_string(i) + " is lost");
      if (!Pattern::holds(message.body.data(), i, u32(message.body.size()), size_)) {
        wrong(plan_, "host message " + std::to_string(i) + " is another, or has other bytes");
      }
    }
    atomic::exchange_seq_cst(&received_all_, 1U);  // SYNC: partner run()
  }

  void ask_all() {
    u8 body[256], answer[256];
    for (u64 i = 0; i < requests_; ++i) {
      const u32 bytes = Pattern::bytes(i, size_);
      Pattern::write(body, i, bytes);
      ask(*echo_, body, bytes, answer, bytes);
      if (!Pattern::holds(answer, i, bytes, size_))
        wrong(plan_, "answer " + std::to_string(i) + " is another");
    }
  }

  void end() {
    u64 counted[2] = {0, 0};
    const std::int64_t limit = now_ns() + 300'000'000'000;
    while (counted[0] < links_) {
      if (now_ns() > limit)
        wrong(plan_, "messages on links are lost: " + std::to_string(links_ - counted[0]));
      ask(*check_, &size_, sizeof(size_), counted, sizeof(counted));
    }
    if (counted[0] != links_) wrong(plan_, "messages on links were doubled");
    if (counted[1])
      wrong(plan_, std::to_string(counted[1]) + " messages on links are others, or out of order");
    for (Kernel* kernel : all()) {
      const TerminateReport report = kernel->terminate(true, Wait::seconds(300));
      if (report.left_over) wrong(plan_, "kernel '" + kernel->name() + "' ended with messages left");
    }
    Message more;
    bool extra = false;
    try {
      extra = faulty_->try_receive(&more);
    } catch (const Error&) {
    }
    if (extra) wrong(plan_, "the host got a message twice");
    if (runtime_.replies().in_use()) wrong(plan_, "a reply cell was not given back");
  }

  const Plan& plan_;
  Runtime& runtime_;
  std::mt19937_64& random_;
  const u32 size_;
  const bool small_;
  u64 links_ = 0, host_ = 0, requests_ = 0;
  u32 received_all_ = 0;
  std::shared_ptr<Kernel> source_, relays_[2], check_, faulty_, echo_;
};

int soak(const Plan& plan) {
  register_backend(cpu::backend());
  cpu::add_entry(cpu::kernel_of<Source>({.name = "soak.source", .accepts = {}, .emits = {}, .errors = {}}));
  cpu::add_entry(cpu::kernel_of<Check>({.name = "soak.check", .accepts = {}, .emits = {}, .errors = {}}));
  std::mt19937_64 random(plan.seed);
  const std::int64_t began = now_ns();
  auto seconds = [&] { return double(now_ns() - began) * 1e-9; };
  u64 checked = 0;
  u32 rounds = 0;
  while (checked < plan.messages && seconds() < plan.seconds) {
    auto runtime =
        Runtime::start({.backend = "cpu", .workers = u32(1 + random() % 3), .assist = random() % 2 == 0});
    for (u32 i = 0; i < 16 && checked < plan.messages && seconds() < plan.seconds; ++i, ++rounds) {
      checked += Round(plan, *runtime, random).run();
    }
    runtime->close();
  }
  std::printf("soak, seed %llu: %llu messages checked in %u rounds, %.1f s, %.2f M/s\n",
              static_cast<unsigned long long>(plan.seed), static_cast<unsigned long long>(checked), rounds,
              seconds(), double(checked) / seconds() * 1e-6);
  return 0;
}

}  // namespace
}  // namespace ringway

int main(int count, char** arguments) {
  ringway::Plan plan;
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
  if (count % 2 == 0) {
    std::fprintf(stderr, "usage: soak [--seed N] [--seconds S] [--messages N] [--round N]\n");
    return 2;
  }
  try {
    return ringway::soak(plan);
  } catch (const ringway::Error& error) {
    ringway::wrong(plan, error.what());
  }
}
