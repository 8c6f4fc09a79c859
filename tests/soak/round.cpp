#include "round.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "backends/cpu/entry.h"
#include "backends/cpu/kernels.h"

namespace ringway::soak {
namespace {

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

class Round {
 public:
  Round(const Plan& plan, Runtime& runtime, Random& random)
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

  RoundCounts run(const std::function<void()>& beside) {
    links_ = small_ ? 20'000 : plan_.round + pick(plan_.round);
    host_ = 2'000 + pick(20'000);
    requests_ = 500 + pick(5'000);
    u8 told[12];
    std::memcpy(told, &links_, 8);
    std::memcpy(told + 8, &size_, 4);
    source_->send(envelope_of_any(), told, "");
    std::thread sender = thread(plan_, [this] { send_all(); });
    std::thread receiver = thread(plan_, [this] { receive_all(); });
    std::thread asker = thread(plan_, [this] { ask_all(); });
    std::thread other = thread(plan_, beside);
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
    other.join();
    end();
    return {links_, host_, requests_};
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
    options.block_timeout = kPatience;
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
    const Reply reply = kernel.wait(cell, patience(), kPatience);
    std::memcpy(answer, reply.body.data(), std::min(most, reply.body.size()));
    if (reply.body.size() != most)
      wrong(plan_, "an answer has " + std::to_string(reply.body.size()) + " bytes");
    runtime_.replies().give_back(cell);
  }

  void send_all() {
    static constexpr u8 kBreak[] = {'b', 'r', 'e', 'a', 'k'};
    Random random(plan_.seed ^ host_);
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
      if (!faulty_->receive(&message, patience()))
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
    const std::int64_t limit = now_ns() + std::int64_t(kPatience * 1e9);
    while (counted[0] < links_) {
      if (now_ns() > limit)
        wrong(plan_, "messages on links are lost: " + std::to_string(links_ - counted[0]));
      ask(*check_, &size_, sizeof(size_), counted, sizeof(counted));
    }
    if (counted[0] != links_) wrong(plan_, "messages on links were doubled");
    if (counted[1])
      wrong(plan_, std::to_string(counted[1]) + " messages on links are others, or out of order");
    for (Kernel* kernel : all()) {
      const TerminateReport report = kernel->terminate(true, patience());
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
  Random& random_;
  const u32 size_;
  const bool small_;
  u64 links_ = 0, host_ = 0, requests_ = 0;
  u32 received_all_ = 0;
  std::shared_ptr<Kernel> source_, relays_[2], check_, faulty_, echo_;
};

}  // namespace

void add_round_kernels() {
  cpu::add_entry(cpu::kernel_of<Source>({.name = "soak.source", .accepts = {}, .emits = {}, .errors = {}}));
  cpu::add_entry(cpu::kernel_of<Check>({.name = "soak.check", .accepts = {}, .emits = {}, .errors = {}}));
}

RoundCounts run_round(const Plan& plan, Runtime& runtime, Random& random,
                      const std::function<void()>& beside) {
  return Round(plan, runtime, random).run(beside);
}

}  // namespace ringway::soak
