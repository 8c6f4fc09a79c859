// One kernel of a program's takes another's place while messages come; meant to run under ThreadSanitizer too.
#include <thread>

#include "core/user_kernel.h"
#include "ringway/handler.h"
#include "runtime_harness.h"

namespace ringway::test {
namespace {

// Answers "VERSION:MESSAGE" and counts; breaks on "break". Its state is the count, kept by who takes its place.
struct Counting : Resident {
  Counting(std::string of_version, u64 begins) : version(std::move(of_version)), count(begins) {}
  u32 drain(KernelContext* ctx, u8* first, u32 stride, u32 n, DrainStatus* status) override {
    for (u32 i = 0; i < n; ++i) {
      u8* const slot = first + u64(stride) * i;
      const bool from_host = ctx->input == 0;
      const auto* const bytes = reinterpret_cast<const char*>(from_host ? body(slot) : payload(slot));
      const std::string text(bytes, payload_bytes(slot) - (from_host ? sizeof(Envelope) : 0));
      if (text == "break") {
        status->code = kBroken;
        return i;
      }
      ++count;
      const std::string answer = version + ":" + text;
      const auto size = u32(answer.size());
      if (from_host && envelope(slot)->sender != kNoEndpoint) {
        ctx->calls->reply(ctx->self, envelope(slot), 0, answer.data(), size);
      } else if (linked) {
        ctx->calls->send(ctx->self, 1, 0, text.data(), u32(text.size()));
      }
      if (ctx->unsent) {
        status->code = kAgain;
        return i;
      }
    }
    return n;
  }
  void tick(KernelContext*, u32, DrainStatus*) override {}
  void describe(const DrainStatus&, ErrorText& text) const override {
    std::snprintf(text, sizeof(text), "%s", "it broke");
  }
  void restart() override { count = 0; }

  const std::string version;
  u64 count;
  bool linked = false;
};

struct CountingKernel : UserKernel {
  CountingKernel(std::string of_version, bool on_threads, bool sends = false)
      : UserKernel({.name = "counting", .accepts = {}, .emits = {}, .errors = {}, .outputs = {}}),
        version(std::move(of_version)),
        threads(on_threads),
        linked(sends) {}
  bool may_wait() const override { return threads; }
  void check(const LaunchSpec&) const override {}
  std::shared_ptr<Resident> settle(const LaunchSpec&, u32) const override { return made(0); }
  std::shared_ptr<Counting> made(u64 count) const {
    auto resident = std::make_shared<Counting>(version, count);
    resident->linked = linked;
    return resident;
  }
  const std::string version;
  const bool threads, linked;
};

void replace(Kernel& kernel, const std::string& version, bool threads, bool sends = false) {
  const auto with = std::make_shared<CountingKernel>(version, threads, sends);
  kernel.replace(with->type(), [&](const std::vector<Resident*>& old) {
    Replacement made{with, {}};
    for (Resident* const one : old) made.residents.push_back(with->made(static_cast<Counting*>(one)->count));
    return made;
  });
}

u64 counted(Kernel& kernel) {
  u64 sum = 0;
  for (i64 i = 0; i < kernel.grid(); ++i) {
    kernel.look_at_resident(
        i, [&](Resident& resident) { sum += static_cast<Counting&>(resident).count; }, Wait::seconds(60));
  }
  return sum;
}

struct Shape {
  const char* name;
  i64 grid;
  BridgeKind bridge;
  bool threads;  // of the first version
};
std::string name_of_shape(const testing::TestParamInfo<Shape>& info) {
  return info.param.name;
}
class Replace : public testing::TestWithParam<Shape> {
 protected:
  std::shared_ptr<Kernel> launched(const LaunchOptions& options = {}, bool sends = false) {
    LaunchOptions all = options;
    all.bridge = GetParam().bridge;
    const auto first = std::make_shared<CountingKernel>("0", GetParam().threads, sends);
    auto kernel = runtime->launch(first, {}, "", all, GetParam().grid);
    kernel->activate();
    return kernel;
  }
  void TearDown() override {
    runtime->close();
    EXPECT_EQ(runtime->replies().in_use(), 0U);
  }
  std::shared_ptr<Runtime> runtime = start(2);
};
INSTANTIATE_TEST_SUITE_P(All, Replace,
                         testing::Values(Shape{"Pool", 1, BridgeKind::kDirect, false},
                                         Shape{"PoolReplicas", 2, BridgeKind::kDirect, false},
                                         Shape{"Pumped", 1, BridgeKind::kPumped, false},
                                         Shape{"Threads", 2, BridgeKind::kDirect, true}),
                         name_of_shape);

// Callers ask, others send; versions that run on the pool and on threads take turns; each message counts once.
TEST_P(Replace, LosesNothingUnderLoad) {
  constexpr int kCallers = 3, kRounds = 30;
  auto kernel = launched();
  u32 stop = 0;
  u64 handled = 0;
  u32 wrong = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < kCallers; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; !atomic::load_relaxed(&stop); ++i) {
        const std::string text = std::to_string(t) + "-" + std::to_string(i);
        const std::string answer = ask(*kernel, text, 60);
        if (answer.substr(answer.find(':') + 1) != text) atomic::add_relaxed(&wrong, 1U);
        atomic::add_relaxed(&handled, u64(1));
      }
    });
  }
  std::thread reader([&] {
    while (!atomic::load_relaxed(&stop)) {
      counted(*kernel);
      (void)kernel->type()->name;
      (void)kernel->telemetry();
    }
  });
  for (int round = 1; round <= kRounds; ++round) replace(*kernel, std::to_string(round), round % 2 == 1);
  const u64 after = atomic::load_relaxed(&handled) + 20;
  while (atomic::load_relaxed(&handled) < after) std::this_thread::yield();
  atomic::store_relaxed(&stop, 1U);
  for (auto& caller : callers) caller.join();
  reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(counted(*kernel), atomic::load_relaxed(&handled));
  EXPECT_EQ(ask(*kernel, "last"), std::to_string(kRounds) + ":last");
  EXPECT_EQ(kernel->telemetry().replacements, u64(kRounds));
}

// What goes by links, into and out of kernels that are replaced at once, arrives once.
TEST_P(Replace, KeepsLinks) {
  constexpr int kMessages = 3000;
  auto source = launched({}, true), target = launched({}, true);
  auto end = launched();
  runtime->link(*source, *target, 16, 64);
  runtime->link(*target, *end, 16, 64);
  std::thread sender([&] {
    for (int i = 0; i < kMessages; ++i) send(*source, std::to_string(i));
  });
  std::vector<std::thread> replacers;
  for (Kernel* kernel : {source.get(), target.get()}) {
    replacers.emplace_back([kernel] {
      for (int round = 1; round <= 10; ++round) replace(*kernel, std::to_string(round), round % 2 == 1, true);
    });
  }
  for (auto& replacer : replacers) replacer.join();
  sender.join();
  while (counted(*end) < kMessages) std::this_thread::yield();
  EXPECT_EQ(counted(*source), u64(kMessages));
  EXPECT_EQ(counted(*target), u64(kMessages));
  EXPECT_EQ(counted(*end), u64(kMessages));
}

TEST_P(Replace, RevivesAFailedKernelWithItsLinks) {
  if (GetParam().bridge == BridgeKind::kPumped) {
    auto kernel = launched();
    EXPECT_EQ(kind_of([&] { ask(*kernel, "break"); }), ErrorKind::kHandler);
    EXPECT_EQ(kind_of([&] { replace(*kernel, "1", false); }), ErrorKind::kInvalidState);
    return;
  }
  auto source = launched({}, true), target = launched();
  runtime->link(*source, *target, 16, 64);
  for (int round = 1; round <= 5; ++round) {
    const u64 before = counted(*target);
    EXPECT_EQ(kind_of([&] { ask(*target, "break"); }), ErrorKind::kHandler);
    while (target->state() != State::kFailed) std::this_thread::yield();
    EXPECT_EQ(kind_of([&] { send(*target, "no"); }), ErrorKind::kClosed);
    send(*source, "lost");
    replace(*target, std::to_string(round), round % 2 == 0);
    EXPECT_EQ(target->state(), State::kActive);
    EXPECT_EQ(target->failure(), "");
    EXPECT_EQ(ask(*target, "a"), std::to_string(round) + ":a");
    for (int i = 0; i < 40; ++i) send(*source, "kept");
    while (counted(*target) < before + 41) std::this_thread::yield();
  }
}

TEST_P(Replace, WhatFailsLeavesTheOldOneRunning) {
  auto kernel = launched();
  const auto with = std::make_shared<CountingKernel>("1", true);
  EXPECT_EQ(kind_of([&] {
              kernel->replace(with->type(), [&](const std::vector<Resident*>&) -> Replacement {
                EXPECT_EQ(kind_of([&] { kernel->activate(); }), ErrorKind::kInvalidState);
                EXPECT_EQ(kind_of([&] { kernel->deactivate(); }), ErrorKind::kInvalidState);
                throw Error(ErrorKind::kTypeMismatch, "no");
              });
            }),
            ErrorKind::kTypeMismatch);
  EXPECT_EQ(ask(*kernel, "a"), "0:a");
  EXPECT_EQ(kernel->telemetry().replacements, 0U);
}

TEST_P(Replace, StaysInactiveAndEndsAPause) {
  auto kernel = launched({.on_error = OnError::kRestart, .restart_backoff = 3600});
  kernel->deactivate();
  replace(*kernel, "1", true);
  EXPECT_EQ(kernel->state(), State::kInactive);
  kernel->activate();
  EXPECT_EQ(ask(*kernel, "a"), "1:a");
  for (i64 i = 0; i < GetParam().grid; ++i) kind_of([&] { ask(*kernel, "break"); });
  replace(*kernel, "2", false);
  EXPECT_EQ(ask(*kernel, "b"), "2:b");
  kernel->terminate(true, Wait::seconds(20));
  EXPECT_EQ(kind_of([&] { replace(*kernel, "3", false); }), ErrorKind::kInvalidState);
}

// Whoever ends it, or the runtime, while it is replaced.
TEST_P(Replace, AgainstTheEnd) {
  for (int round = 0; round < 10; ++round) {
    auto kernel = launched();
    u32 begun = 0;
    std::thread replacer([&] {
      try {
        for (int i = 0;; ++i) {
          replace(*kernel, "n", i % 2 == 0);
          atomic::store_relaxed(&begun, 1U);
        }
      } catch (const Error& error) {
        EXPECT_TRUE(error.kind() == ErrorKind::kInvalidState || error.kind() == ErrorKind::kClosed);
      }
    });
    for (int i = 0; i < 20; ++i) send(*kernel, "x");
    while (!atomic::load_relaxed(&begun)) std::this_thread::yield();
    if (round == 9) {
      runtime->close();
    } else {
      const TerminateReport report = kernel->terminate(true, Wait::seconds(60));
      EXPECT_EQ(report.processed, 20U);
    }
    replacer.join();
  }
}

TEST(ReplaceBuiltin, IsRefused) {
  auto runtime = start();
  auto echo = runtime->launch("echo", "", {});
  EXPECT_EQ(kind_of([&] { replace(*echo, "1", false); }), ErrorKind::kInvalidOption);
}

}  // namespace
}  // namespace ringway::test
