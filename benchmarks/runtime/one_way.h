// From send to the start of the handler, and the least that two threads need to pass a word on and back.
#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "backends/cpu/entry.h"
#include "backends/cpu/kernels.h"
#include "core/runtime.h"

namespace ringway::bench {

struct Percentiles {
  double p50, p99;
};

inline Percentiles percentiles(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() - times.size() / 100 - 1]};
}

// Answers with the time at which it got the message, of now_ns().
struct Stamp {
  struct State {
    u64 unused;
  };
  template <class Ctx>
  static RW_FN u32 drain(RW_PRIVATE Ctx* ctx, RW_SHARED u8* first, u32 stride, u32 n, RW_SHARED State*,
                         RW_PRIVATE DrainStatus* status) {
    for (u32 i = 0; i < n; ++i) {
      const u64 now = ctx->now_ns();
      RW_SHARED u8* to = ctx->reserve_answer(envelope(first + u64(stride) * i), 0, sizeof(now));
      if (!to) {
        status->code = kAgain;
        return i;
      }
      copy_bytes(to, (RW_SHARED const u8*)&now, sizeof(now));
      ctx->commit_answer(sizeof(now));
    }
    return n;
  }
};

// ns from before the send to the handler's first instruction, one message at a time, with 56-byte bodies.
inline Percentiles one_way(Idle idle, u32 count) {
  cpu::add_entry(cpu::kernel_of<Stamp>({.name = "stamp", .accepts = {}, .emits = {}, .errors = {}}));
  auto runtime = Runtime::start({.backend = "cpu", .workers = 1, .assist = false});
  LaunchOptions options;
  options.idle = idle;
  options.slot_size = 56;
  options.prefault = true;
  auto kernel = runtime->launch("stamp", "", options);
  kernel->activate();
  const u8 body[56] = {};
  std::vector<double> times(count);
  const u32 warm_up = count / 10;
  for (u32 i = 0; i < warm_up + count; ++i) {
    Envelope envelope{};
    fresh_id(envelope.message_id);
    const std::int64_t sent = now_ns();
    auto* cell = kernel->ask(envelope, body, "");
    const Reply reply = kernel->wait(cell, Wait::seconds(10), 10);
    std::int64_t got = 0;
    if (reply.body.size() != sizeof(got)) {
      std::fprintf(stderr, "a reply is not a time\n");
      std::exit(1);
    }
    std::memcpy(&got, reply.body.data(), sizeof(got));
    runtime->replies().give_back(cell);
    if (i >= warm_up) times[i - warm_up] = double(got - sent);
  }
  runtime->close();
  return percentiles(std::move(times));
}

// ns per round trip of two threads that spin on a word each: what these cores need at least.
inline Percentiles ping_pong(u32 count) {
  struct alignas(kIndexLine) Line {
    u32 word = 0;
  };
  Line there, back;
  std::thread other([&] {
    for (u32 i = 1; i <= count; ++i) {
      while (atomic::load_acquire(&there.word) != i) atomic::relax();  // SYNC: partner the store below
      atomic::store_release(&back.word, i);                            // SYNC: partner the load below
    }
  });
  std::vector<double> times(count);
  for (u32 i = 1; i <= count; ++i) {
    const std::int64_t began = now_ns();
    atomic::store_release(&there.word, i);                          // SYNC: partner the load above
    while (atomic::load_acquire(&back.word) != i) atomic::relax();  // SYNC: partner the store above
    times[i - 1] = double(now_ns() - began);
  }
  other.join();
  return percentiles(std::move(times));
}

}  // namespace ringway::bench
