// Ticks of kernels that a program brings, and what their handlers ask of the kernel itself.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <mutex>
#include <utility>

#include "backends/cpu/context.h"
#include "backends/cpu/user_kernel.h"
#include "backends/cpu/worker.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/record/recorder.h"

namespace ringway::cpu {

using atomic::count;

void Instance::start_timers(std::int64_t now) {
  for (Timer& timer : timers) timer.start(now);
}

std::int64_t Instance::first_due() const {
  std::int64_t first = Timer::kNever;
  for (const Timer& timer : timers) first = std::min(first, timer.due);
  return first;
}

bool Instance::ticks() const {
  return timed && !stalled && atomic::load_relaxed(&running) && !atomic::load_relaxed(&set.ends);
}

void Context::turn_on_timers(Turn* turn) {
  if (atomic::load_relaxed(&kernel_.set.ends)) return;
  const std::int64_t now = ringway::now_ns();
  for (u32 i = 0; i < kernel_.timers.size() && runs() && !kernel_.leaving && !turn->blocked; ++i) {
    Timer& timer = kernel_.timers[i];
    if (timer.due > now) continue;
    const u64 missed = timer.take(now);
    if (counts()) {
      count(&kernel_.counts.ticks, 1);
      count(&kernel_.counts.missed, missed);
    }
    tick(i, missed, turn);
  }
}

void Context::tick(u32 timer, u64 missed, Turn* turn) {
  DrainStatus status{};
  ErrorText text;
  bool broken = false;
  KernelContext context = user_context(kNoInput);
  context.left_out = missed;
  {
    const Handled handled(*this, &context);
    try {
      kernel_.resident->tick(&context, timer, &status);
      broken = status.code != kDrained;
      if (broken) kernel_.resident->describe(status, text);
    } catch (const std::exception& error) {
      broken = true;
      std::snprintf(text, sizeof(text), "%s", error.what());
    } catch (...) {
      broken = true;
      std::snprintf(text, sizeof(text), "an exception that is no std::exception");
    }
  }
  abandon();
  turn->blocked = !kernel_.unsent.empty();
  if (!broken) return;
  turn->more = true;
  count(&control_.errors, 1);
  log::warning({"tick failed", kernel_.set.name, services_.runtime},
               [&] { return "kernel '" + kernel_.set.name + "' failed on a tick: " + text; });
  broke(text);
}

void Context::user_counts(void* self, u32 counter, u64 n) {
  Context& context = *static_cast<Context*>(self);
  if (!context.counts() || counter - 1 >= context.kernel_.set.entry->type.counters.size()) return;
  count(&context.kernel_.counts.named[counter - 1], n);
}

// Whether nothing of what the handler is done with is left to do.
bool Context::settled() const {
  const auto done = [](const Inlet& input) { return !input.handled; };
  return kernel_.unsent.empty() && std::all_of(kernel_.lanes.begin(), kernel_.lanes.end(), done) &&
         std::all_of(kernel_.inputs.begin(), kernel_.inputs.end(), done);
}

void Context::leave() {
  kernel_.leaving = false;
  ReplicaSet& set = kernel_.set;
  {
    const std::lock_guard lock(set.switching);
    if (!atomic::load_relaxed(&kernel_.running)) return;  // somebody else was first
    set.stop();
    // SYNC: partner load_seq_cst in Kernel::entered(): what the handler did before.
    atomic::exchange_seq_cst(&set.left, 1U);
  }
  if (set.recorder && set.recorder->on()) {
    set.recorder->put(RecordKind::kState, set.index, 0, u32(State::kInactive), {});
  }
  log::info({"transition", set.name, services_.runtime},
            [&] { return "kernel '" + set.name + "': active -> inactive, as its handler asked"; });
}

void ReplicaSet::stop() {
  for (const auto& replica : replicas) {
    // Relaxed: who takes the worker's lock afterwards sees it.
    atomic::store_relaxed(&replica->running, 0U);
    replica->home->ask_idle(*replica, false);
  }
}

void ReplicaSet::start() {
  for (const auto& replica : replicas) {
    if (atomic::load_relaxed(&replica->running)) continue;
    replica->home->ask_idle(*replica, true);
    // Relaxed, both: whoever takes the notice from the worker's list sees them.
    atomic::store_relaxed(&replica->rearm, 1U);
    atomic::store_relaxed(&replica->running, 1U);
    replica->home->notify(*replica);
  }
}

}  // namespace ringway::cpu
