// What becomes of kernels that break or end, and of messages that nobody handles.
#include <algorithm>

#include "backends/cuda/ring_driver.h"
#include "core/bridge.h"
#include "core/failure_policy.h"
#include "core/log.h"

namespace ringway::cuda {

// Of a replica whose slices do nothing until they are told to.
void RingDriver::broke(CudaReplica& replica, const std::string& text) {
  CudaKernel& kernel = replica.set;
  replica.stopped = true;
  ErrorText added;
  if (!may_restart(kernel.options, replica.restarts_in_row, added)) return fail(kernel, text + added);
  atomic::count(&replica.control.restarts, 1);
  const double pause =
      restart_pause(kernel.options, replica.restarts_in_row++, kernel.name, services_.runtime);
  replica.resume_at = now_ns() + static_cast<std::int64_t>(pause * 1e9);
}

void RingDriver::resume_due() {
  const std::int64_t now = now_ns();
  for (const auto& kernel : kernels_) {
    for (const auto& replica : kernel->replicas) {
      if (!replica->resume_at || replica->resume_at > now) continue;
      replica->resume_at = 0;
      replica->stopped = replica->under_way = false;
      ++replica->order.slice.resumes;
      say(*replica);
    }
  }
}

void RingDriver::fail(CudaKernel& kernel, const std::string& reason) {
  if (kernel.dead) return;
  kernel.dead = true;
  kernel.reason = reason;
  for (const auto& replica : kernel.replicas) replica->resume_at = 0;
  discard(kernel, LetterReason::kFailed, "the kernel failed: " + reason);
}

// The rest of it is done as the blocks report.
void RingDriver::discard(CudaKernel& kernel, LetterReason reason, const std::string& text) {
  if (kernel.discarding) return;
  kernel.discarding = true;
  kernel.letter = reason;
  kernel.letter_text = text;
  for (const auto& replica : kernel.replicas) {
    replica->order.slice.run = 0;
    replica->order.slice.discard = 1;
    say(*replica);
  }
}

// Also when there is no device any more, which leaves in its memory what it has not told.
bool RingDriver::is_discarded(const CudaKernel& kernel) const {
  return !lost_.empty() || std::all_of(kernel.replicas.begin(), kernel.replicas.end(),
                                       [&](const auto& one) { return one->discarded && follows(*one); });
}

void RingDriver::finish_discards() {
  for (const auto& kernel : kernels_) {
    if (!kernel->discarding || kernel->emptied) continue;
    {
      std::lock_guard lock(kernel->queues);
      kernel->copied.take_off(kernel->letter, kernel->letter_text);
    }
    if (!is_discarded(*kernel)) continue;
    bury_mail(*kernel);
    kernel->emptied = true;
    if (kernel->dead && ringway::fail(*kernel, kernel->reason.c_str())) {
      log::warning({"failed", kernel->name, services_.runtime},
                   [&] { return "kernel '" + kernel->name + "' failed: " + kernel->failure; });
    }
    {
      std::lock_guard lock(kernel->queues);
      kernel->copied.hold_back(false);
    }
    kernel->bridge->wake();
    announce_output(*kernel);
    event();  // who waited for room in its links need not any more
  }
}

void RingDriver::bury_mail(CudaKernel& kernel) {
  std::lock_guard lock(kernel.queues);
  for (const auto& replica : kernel.replicas) {
    replica->under_way = false;
    u64 left = 0;
    for (SharedRing& lane : replica->lanes) {
      kernel.bury(lane.ring, lane.done, lane.put, true, kernel.letter, kernel.letter_text);
      left += lane.depth();
      lane.done = lane.put;
    }
    // What lies in a lost device's memory is counted, as far as it was told of, and has no letters.
    for (const auto& link : replica->inputs.links) {
      if (!lost_.empty()) left += link->published - link->taken;
      link->apply({link->published, link->published});
    }
    atomic::count(&replica->control.dropped_closed, left);
    kernel.left += left;
  }
  kernel.left += kernel.copied.left();
}

u64 RingDriver::retire(CudaKernel& kernel, const std::string& text, const Wait& until) {
  Lock lock(mutex_);
  discard(kernel, LetterReason::kTerminated, text);
  wait(lock, until, [&] { return kernel.emptied; });
  vacate(kernel, lock, until);
  return kernel.dead ? 0 : kernel.left;  // of a failed one, that was told with its failure
}

void RingDriver::vacate(CudaKernel& kernel, Lock& lock, const Wait& until) {
  for (const auto& replica : kernel.replicas) {
    replica->order.handler = 0;
    say(*replica);
  }
  if (!on_gpu_) hand_over();  // first thing that the next grid sees
  wait(lock, until, [&] {
    return !lost_.empty() ||
           std::all_of(kernel.replicas.begin(), kernel.replicas.end(), [&](const auto& one) {
             return seats_[one->seat].replica != one.get() || (!on_gpu_ && !one->unsaid) || follows(*one);
           });
  });
  for (const auto& replica : kernel.replicas) {
    for (const auto& link : replica->inputs.links) link->to = nullptr;
    for (const auto& link : replica->outputs.links) link->from = nullptr;
    if (Seat& seat = seats_[replica->seat]; seat.replica == replica.get()) seat.replica = nullptr;
  }
  std::erase_if(kernels_, [&](const auto& one) { return one.get() == &kernel; });
}

}  // namespace ringway::cuda
