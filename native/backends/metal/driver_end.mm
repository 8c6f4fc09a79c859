// What becomes of kernels that break, and of messages that nobody handles.
#include <cstring>

#include "backends/metal/driver.h"
#include "core/bridge.h"
#include "core/failure_policy.h"
#include "core/log.h"

namespace ringway::metal {

// Of a replica whose slices do nothing until they are told to.
void Driver::broke(Replica& replica, const std::string& text, ErrorKind kind) {
  KernelSet& kernel = replica.set;
  ErrorText added;
  if (!may_restart(kernel.options, replica.restarts_in_row, added)) return fail(kernel, text + added, kind);
  atomic::count(&replica.control.restarts, 1);
  const double pause =
      restart_pause(kernel.options, replica.restarts_in_row++, kernel.name, services_.runtime);
  replica.resume_at = now_ns() + static_cast<std::int64_t>(pause * 1e9);
}

void Driver::resume_due() {
  const std::int64_t now = now_ns();
  for (Replica* replica : replicas_) {
    if (!replica->resume_at || replica->resume_at > now) continue;
    replica->resume_at = 0;
    replica->stopped = false;
    replica->under_way = false;
    ++replica->resumes;
    atomic::count(&events_, 1);
  }
}

// What slices of it left behind is not known: the kernels that had any restart, where that is their policy, or fail.
void Driver::command_failed(const Flight& flight) {
  log::warning({"metal", {}, services_.runtime}, [&] { return flight.how.failure; });
  if (flight.how.kind == ErrorKind::kDeviceLost) lose(flight.how.failure);
  for (Replica* replica : flight.replicas) {
    replica->unreported = true;
    if (replica->stopped || replica->set.dead) continue;
    replica->stopped = true;
    broke(*replica, flight.how.failure,
          flight.how.kind == ErrorKind::kOutOfMemory ? ErrorKind::kOutOfMemory : ErrorKind::kHandler);
  }
}

// No kernel of this runtime, whatever its policy, goes on without the GPU.
void Driver::lose(const std::string& text) {
  lost_ = text;
  for (const auto& kernel : kernels_) fail(*kernel, text, ErrorKind::kDeviceLost);
}

void Driver::fail(KernelSet& kernel, const std::string& reason, ErrorKind kind) {
  if (kernel.dead) return;
  kernel.dead = true;
  kernel.failure_kind = kind;
  failing_.emplace_back(&kernel, reason);
}

// While nothing is on the GPU.
void Driver::finish_failures() {
  for (const auto& [kernel, reason] : failing_) {
    const std::string text = "the kernel failed: " + reason;
    discard(*kernel, LetterReason::kFailed, text);
    if (ringway::fail(*kernel, reason.c_str())) {
      log::warning({"failed", kernel->name, services_.runtime},
                   [&] { return "kernel '" + kernel->name + "' failed: " + kernel->failure; });
    }
    kernel->bridge->wake();
    announce_output(*kernel);
    atomic::count(&events_, 1);  // who waited for room in its links need not any more
  }
  failing_.clear();
}

u64 Driver::discard(KernelSet& kernel, LetterReason reason, const std::string& text) {
  u64 all = 0;
  std::lock_guard lock(kernel.queues);
  kernel.emptied = true;
  for (const auto& replica : kernel.replicas) {
    u64 left = 0;
    replica->under_way = false;
    for (SharedRing& lane : replica->lanes) {
      kernel.bury(lane.ring, lane.done, lane.put, true, reason, text);
      left += lane.depth();
      lane.done = lane.put;
    }
    for (const auto& link : replica->inputs) {
      auto* const head = arena_->as<SliceLink>(link->block.offset());
      auto* const header = reinterpret_cast<QueueHeader<HostLinkAtomics>*>(head + 1);
      const DeviceRing ring = attach<HostLinkAtomics>(header, reinterpret_cast<u8*>(header + 1));
      kernel.bury(ring, link->taken, link->published, false, reason, text);
      left += link->published - link->taken;
      // The kernels that send here fill what has become free, and find the end then.
      HostLinkAtomics::store_index(&header->dequeue, link->published);
      HostLinkAtomics::store_index(&header->sealed_dequeue, link->published);
      head->ended = 1;
      link->apply({link->published, link->published});
    }
    left += kernel.bury_unsent(arena_->as<SliceControl>(replica->block.offset()));
    replica->unsent = false;
    atomic::count(&replica->control.dropped_closed, left);
    all += left;
  }
  return all;
}

}  // namespace ringway::metal
