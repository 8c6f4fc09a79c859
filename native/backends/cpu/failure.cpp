// What becomes of a kernel whose handler fails on a message, or breaks. Nothing here needs memory that may not be
// there: it runs when an allocation has failed, too.
#include <cstdio>
#include <exception>
#include <thread>

#include "backends/cpu/context.h"
#include "backends/cpu/worker.h"
#include "core/error.h"
#include "core/kernel_group.h"
#include "core/log.h"

namespace ringway::cpu {

using atomic::count;

bool Context::fail_first(Inlet& input, const char* text) {
  if (!input.link) {
    Envelope request;
    std::memcpy(&request, input.first().data(), sizeof(request));
    if (!answer_error(request, ErrorKind::kHandler, text)) return false;
    kernel_.set.forget(request);
  }
  count(&control_.errors, 1);
  log::warning({"message failed", kernel_.set.name, services_.runtime},
               [&] { return "kernel '" + kernel_.set.name + "' failed on a message: " + text; });
  handled(input.held().first, 1);
  bury_first(input, LetterReason::kFailed, text);
  return true;
}

void Context::broke(const char* text) {
  if (kernel_.set.options.on_error == OnError::kSkip) return;
  ErrorText added;
  if (may_restart(kernel_.set.options, kernel_.restarts_in_row, added)) return restart();
  ErrorText reason;
  std::snprintf(reason, sizeof(reason), "%s%s", text, added);
  give_up(reason);
}

void Context::give_up(const char* reason) {
  if (!group_ || !group_->broke(kernel_.set, reason)) fail(reason);
}

void Context::restart() {
  begin_anew(kernel_.restarts_in_row++);
}

bool Context::begin_anew(u64 before) {
  try {
    kernel_.begin_state();
  } catch (const std::exception& error) {
    ErrorText reason;
    std::snprintf(reason, sizeof(reason), "it has no new state: %s", error.what());
    give_up(reason);
    return false;
  }
  count(&control_.restarts, 1);
  const double pause = restart_pause(kernel_.set.options, before, kernel_.set.name, services_.runtime);
  if (pause > 0) kernel_.resume_at = ringway::now_ns() + static_cast<std::int64_t>(pause * 1e9);
  return true;
}

void Context::fail(const char* reason) {
  ReplicaSet& set = kernel_.set;
  if (ringway::fail(set, reason)) {
    log::warning({"failed", set.name, services_.runtime},
                 [&] { return "kernel '" + set.name + "' failed: " + set.failure; });
    for (const auto& replica : set.replicas) {
      if (replica.get() != &kernel_) replica->home->notify(*replica);
    }
  }
  follow_failure();
}

void Context::follow_failure() {
  atomic::store_relaxed(&kernel_.running, 0U);
  atomic::store_relaxed(&kernel_.follows, 0U);
  // SYNC: partner exchange_seq_cst in fail(): the text, which another replica may be about to write.
  while (!atomic::load_seq_cst(&kernel_.set.failed)) std::this_thread::yield();
  ErrorText text;
  std::snprintf(text, sizeof(text), "the kernel failed: %s", kernel_.set.failure.c_str());
  discard(LetterReason::kFailed, ErrorKind::kHandler, text);
  room_was_made(kernel_.lanes[0]);
  if (kernel_.set.bridge) kernel_.set.bridge->wake();
  announce_output(kernel_.set);
  worker_.ask_idle(kernel_, false);
}

}  // namespace ringway::cpu
