// The part of gpu_check that is about ring kernels, over the runtime as a program in C++ uses it.
#include <cstring>
#include <exception>
#include <thread>

#include "backends/cuda/backend.h"
#include "core/runtime.h"
#include "cuda/gpu_report.h"

namespace ringway {
namespace {

constexpr double kPatience = 60;  // seconds; what stands still says so
constexpr u32 kBody = 56;         // bytes

struct Body {
  u64 number;
  u64 mixed[kBody / 8 - 1];
};
static_assert(sizeof(Body) == kBody);

Body body_of(u64 number) {
  Body body{number, {}};
  for (u64& word : body.mixed) word = number = (number ^ number >> 29) * 0x9e3779b97f4a7c15U + 1;
  return body;
}

std::span<const u8> bytes_of(const Body& body) {
  return {reinterpret_cast<const u8*>(&body), sizeof(body)};
}

Envelope plain() {
  Envelope envelope{};
  fresh_id(envelope.message_id);
  envelope.priority = kDefaultPriority;
  return envelope;
}

// A chain of kernels on the GPU, which hands on what is sent to its first.
struct Chain {
  explicit Chain(u32 relays) : runtime(Runtime::start({.backend = "cuda"})) {
    for (u32 i = 0; i <= relays; ++i) {
      auto kernel = runtime->launch(i < relays ? "relay" : "echo", "", {});
      kernels.push_back(kernel);
      if (i) runtime->link(*kernels[i - 1], *kernel, 4096, kBody);
    }
    for (const auto& kernel : kernels) kernel->activate();
  }
  ~Chain() { runtime->close(); }

  // What is wrong with what came out; empty: nothing.
  std::string pass(u64 first, u64 count) {
    std::exception_ptr broken;
    std::thread sender([&] {
      try {
        for (u64 i = first; i < first + count; ++i) kernels.front()->send(plain(), bytes_of(body_of(i)), "");
      } catch (...) {
        broken = std::current_exception();
      }
    });
    std::string wrong;
    Message message;
    for (u64 i = first; i < first + count && wrong.empty(); ++i) {
      const Body expected = body_of(i);
      if (!kernels.back()->receive(&message, Wait::seconds(kPatience))) {
        wrong = "message " + std::to_string(i) + " did not come";
      } else if (message.body.size() != kBody || std::memcmp(message.body.data(), &expected, kBody) != 0) {
        wrong = "message " + std::to_string(i) + " is another one, or torn";
      }
    }
    sender.join();
    if (broken) std::rethrow_exception(broken);
    return wrong;
  }
  void ask(u64 number) {
    auto* const cell = kernels.back()->ask(plain(), bytes_of(body_of(number)), "");
    const Reply reply = kernels.back()->wait(cell, Wait::seconds(kPatience), kPatience);
    const Body expected = body_of(number);
    const bool right = reply.body.size() == kBody && std::memcmp(reply.body.data(), &expected, kBody) == 0;
    runtime->replies().give_back(cell);
    if (!right) throw Error(ErrorKind::kHandler, "a request got another one's answer");
  }

  std::shared_ptr<Runtime> runtime;
  std::vector<std::shared_ptr<Kernel>> kernels;
};

void must(const std::string& wrong) {
  if (!wrong.empty()) throw Error(ErrorKind::kHandler, wrong);
}

}  // namespace

void check_rings(Report& report, unsigned messages) {
  register_backend(cuda::backend());
  for (const u32 relays : {0U, 1U, 7U}) {
    std::string wrong;
    try {
      Chain chain(relays);
      wrong = chain.pass(0, messages);
      for (u64 i = 0; i < 100; ++i) chain.ask(i);
    } catch (const Error& error) {
      wrong = error.what();
    }
    report.add_check(
        std::to_string(messages) + " messages through " + std::to_string(relays + 1) + " ring kernels",
        wrong);
  }
}

void measure_rings(Report& report, bool small) {
  const u64 times = small ? 10 : 2000, messages = small ? 100 : 200'000;
  {
    Chain chain(0);
    u64 number = 0;
    report.add_row("request and answer of 56 bytes, host to ring kernel and back", "host clock", "us", [&] {
      return 1e6 / double(times) * seconds_of([&] {
               for (u64 i = 0; i < times; ++i) chain.ask(number++);
             });
    });
  }
  for (const u32 relays : {0U, 7U}) {
    Chain chain(relays);
    u64 first = 0;
    report.add_row("messages of 56 bytes through " + std::to_string(relays + 1) +
                       " ring kernels and back to the host, each looked at",
                   "host clock", "messages/s", [&] {
                     const double seconds = seconds_of([&] { must(chain.pass(first, messages)); });
                     first += messages;
                     return double(messages) / seconds;
                   });
  }
  {
    Chain chain(0);
    report.add_row("a kernel launched, asked and terminated while the grid runs", "host clock", "us", [&] {
      return 1e6 * seconds_of([&] {
               auto kernel = chain.runtime->launch("echo", "", {});
               kernel->activate();
               auto* const cell = kernel->ask(plain(), bytes_of(body_of(1)), "");
               kernel->wait(cell, Wait::seconds(kPatience), kPatience);
               chain.runtime->replies().give_back(cell);
               kernel->terminate(false, Wait{});
             });
    });
  }
}

}  // namespace ringway
