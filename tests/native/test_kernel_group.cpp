// Groups of kernels under load: restarts and failures decided on several workers at once; meant to run under
// ThreadSanitizer too.
#include <stdexcept>
#include <thread>

#include "core/kernel_group.h"
#include "runtime_harness.h"

namespace ringway::test {
namespace {

// Echoes, but throws on "throw".
struct Fragile {
  struct State {
    u64 unused;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32 stride, u32 n, State*, DrainStatus*) {
    for (u32 i = 0; i < n; ++i) {
      u8* slot = first + u64(stride) * i;
      const std::string text(body(slot), body(slot) + body_bytes(slot));
      if (text == "throw") throw std::runtime_error("fragile");
      u8* to = ctx->reserve_answer(envelope(slot), 0, u32(text.size()));
      std::memcpy(to, text.data(), text.size());
      ctx->commit_answer(u32(text.size()));
    }
    return n;
  }
};

class Groups : public testing::TestWithParam<Strategy> {
 protected:
  void SetUp() override {
    cpu::add_entry(cpu::kernel_of<Fragile>({.name = "fragile", .accepts = {}, .emits = {}, .errors = {}}));
    for (i64 grid : {1, 2, 1}) {
      members.push_back(runtime->launch("fragile", "", {.restart_backoff = 0}, grid));
      members.back()->activate();
    }
  }
  void TearDown() override {
    runtime->close();
    EXPECT_EQ(runtime->replies().in_use(), 0U);
  }
  std::shared_ptr<Runtime> runtime = start(2);
  std::vector<std::shared_ptr<Kernel>> members;
};
INSTANTIATE_TEST_SUITE_P(All, Groups,
                         testing::Values(Strategy::kOneForOne, Strategy::kOneForAll, Strategy::kRestForOne));

TEST_P(Groups, EachMessageHasItsAnswerWhileMembersBreak) {
  const auto group = runtime->group({.name = "", .strategy = GetParam(), .restarts = 100'000}, members);
  u32 wrong = 0;
  std::vector<std::thread> callers;
  for (u32 t = 0; t < 3; ++t) {
    callers.emplace_back([&, t] {
      for (u32 i = 0; i < 200; ++i) {
        Kernel& kernel = *members[(t + i) % members.size()];
        const bool breaks = i % 20 == t;
        try {
          const std::string text = breaks ? "throw" : std::to_string(i);
          if (ask(kernel, text, 60) != text || breaks) atomic::add_relaxed(&wrong, 1U);
        } catch (const Error& error) {
          if (!breaks || error.kind() != ErrorKind::kHandler) atomic::add_relaxed(&wrong, 1U);
        }
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0U);
  while (group->facts().restarts < 30) std::this_thread::yield();
  EXPECT_EQ(group->facts().restarts, 30U);
  EXPECT_EQ(group->facts().failure, "");
}

TEST_P(Groups, WhoeverWaitsGetsTheFirstFailure) {
  const auto group = runtime->group({.name = "g", .strategy = GetParam(), .restarts = 0}, members);
  members[0]->deactivate();
  auto* const waiting = members[0]->ask(plain(), bytes_of("waits"), "");
  u32 broke = 0;
  std::vector<std::thread> breakers;
  for (std::size_t i : {1, 2}) {
    breakers.emplace_back([&, i] {
      // Closed to who comes when the other has brought the group down already.
      const ErrorKind kind = kind_of([&] { ask(*members[i], "throw", 60); });
      EXPECT_TRUE(kind == ErrorKind::kHandler || kind == ErrorKind::kClosed);
      atomic::add_relaxed(&broke, u32(kind == ErrorKind::kHandler));
    });
  }
  std::string text;
  try {
    members[0]->wait(waiting, Wait::seconds(60), 60);
  } catch (const Error& error) {
    text = error.what();
  }
  runtime->replies().give_back(waiting);
  EXPECT_NE(text.find("group 'g' failed: kernel 'fragile-"), std::string::npos) << text;
  EXPECT_NE(text.find("broke: fragile (restarts = 0"), std::string::npos) << text;
  for (auto& breaker : breakers) breaker.join();
  EXPECT_GE(broke, 1U);
  for (const auto& member : members) {
    while (member->state() != State::kFailed) std::this_thread::yield();
    EXPECT_EQ(member->failure(), group->facts().failure);
  }
}

}  // namespace
}  // namespace ringway::test
