// What becomes of kernels that break, and of messages that nobody handles.
#include <cstring>

#include "backends/metal/driver.h"
#include "core/bridge.h"
#include "core/failure_policy.h"
#include "core/log.h"

namespace ringway::metal {

// Of a replica whose slices do nothing until they are told to.
void Driver::broke(Replica& replica, const std::string& text) {
  KernelSet& kernel = replica.set;
  ErrorText added;
  if (!may_restart(kernel.options, replica.restarts_in_row, added)) return fail(kernel, text + added);
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
  log::warning({"metal", {}, services_.runtime}, [&] { return flight.ended.failure; });
  for (Replica* replica : flight.replicas) {
    replica->unreported = true;
    if (replica->stopped || replica->set.dead) continue;
    replica->stopped = true;
    broke(*replica, flight.ended.failure);
  }
}

void Driver::fail(KernelSet& kernel, const std::string& reason) {
  if (kernel.dead) return;
  kernel.dead = true;
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
      left += bury(kernel, lane.ring, lane.done, lane.put, true, reason, text);
      lane.done = lane.put;
    }
    for (const auto& link : replica->inputs) {
      auto* const head = arena_->as<SliceLink>(link->block.offset());
      auto* const header = reinterpret_cast<QueueHeader<DeviceAtomics>*>(head + 1);
      const DeviceRing ring = attach<DeviceAtomics>(header, reinterpret_cast<u8*>(header + 1));
      left += bury(kernel, ring, link->taken, link->published, false, reason, text);
      // The kernels that send here fill what has become free, and find the end then.
      DeviceAtomics::store_index(&header->dequeue, link->published);
      DeviceAtomics::store_index(&header->sealed_dequeue, link->published);
      head->ended = 1;
      apply(*link, {link->published, link->published});
    }
    atomic::count(&replica->control.dropped_closed, left);
    all += left;
  }
  return all;
}

u64 Driver::bury(KernelSet& kernel, const DeviceRing& ring, u32 first, u32 last, bool enveloped,
                 LetterReason reason, const std::string& text) {
  Consumer<DeviceAtomics, false> take;
  take.ring = ring;
  for (u32 ticket = first; ticket != last; ++ticket) {
    const u8* const message = reinterpret_cast<const u8*>(raw_payload(ring.slot(ticket)));
    const u32 bytes = take.size(ticket);
    Envelope envelope;
    const u32 skipped = enveloped ? u32(sizeof(envelope)) : 0;
    std::memcpy(&envelope, message, skipped);
    kernel.dead_letters.add(reason, enveloped ? &envelope : nullptr, {message + skipped, bytes - skipped},
                            text);
    take.release(ticket);
  }
  return last - first;
}

}  // namespace ringway::metal
