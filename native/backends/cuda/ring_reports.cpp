// What reports of the grid say, and what its silence says.
#include <algorithm>
#include <cstdio>

#include "backends/cuda/ring_driver.h"
#include "core/bridge.h"
#include "core/failure_policy.h"
#include "core/log.h"

namespace ringway::cuda {

void RingDriver::apply(Seat& seat, u32 follows_order, const SliceReport& report) {
  seat.follows = follows_order;
  if (!seat.replica || i32(follows_order - seat.first) <= 0) return;
  CudaReplica& replica = *seat.replica;
  CudaKernel& kernel = replica.set;
  if (kernel.emptied) return;
  apply_links(replica.inputs);
  apply_links(replica.outputs);
  const u64 before = replica.reported.iterations;
  // Of an earlier order it may tell what has been undone.
  const bool is_current = follows(replica);
  const bool breaks = report.stop != kSliceGoes && is_current && !replica.stopped && !kernel.dead;
  {
    std::lock_guard lock(kernel.queues);
    const auto number = std::find(kernel.parts.begin(), kernel.parts.end(), &replica) - kernel.parts.begin();
    kernel.count(u32(number), report, launched_at_);
    for (u32 lane = 0; lane < replica.lanes.size(); ++lane) replica.lanes[lane].done = report.taken[lane];
    replica.to_host.put_to(report.published);
    kernel.copied.hold_back(breaks || kernel.dead);
  }
  // How long a message has been under way counts from the first report that says so of it.
  if (!report.under_way || !replica.under_way || report.counts.iterations != before)
    replica.under_way_since = now_ns();
  replica.under_way = report.under_way;
  if (is_current) replica.discarded = report.discarded;
  if (breaks) {
    ErrorText text;
    text_of_error(kernel.type, report.error, text);
    broke(replica, text);
  }
  bool news = false;
  {
    std::lock_guard lock(kernel.queues);
    kernel.copied.hold_back(kernel.dead);
    news = kernel.copied.has_news();
  }
  if (news && !kernel.dead) kernel.bridge->wake();
}

void RingDriver::apply_links(const LinkTable& table) {
  for (const auto& link : table.links) {
    // Relaxed: the report orders what its own side has told.
    auto* const told = link->report.as<SliceLinkReport>();
    link->apply({HostLinkAtomics::load_word(&told->published), HostLinkAtomics::load_word(&told->taken)});
  }
}

// Names a kernel whose message takes longer than the watchdog allows, or whose block does not follow orders.
void RingDriver::look_for_stuck() {
  if (!patience_) return;
  const std::int64_t now = now_ns();
  for (const auto& kernel : kernels_) {
    const bool stuck =
        std::any_of(kernel->replicas.begin(), kernel->replicas.end(), [&](const auto& replica) {
          Seat& seat = seats_[replica->seat];
          const u32 beat = HostLinkAtomics::load_word(&shown_[replica->seat].beat);
          if (beat != seat.beat || beat % 2 == 0 || !on_gpu_) seat.beat_since = now;
          seat.beat = beat;
          const bool follows_late = on_gpu_ && seat.follows != seat.ordered &&
                                    now - std::max(seat.ordered_at, launched_at_) > patience_;
          return follows_late || now - seat.beat_since > patience_ ||
                 (replica->under_way && !kernel->dead && now - replica->under_way_since > patience_);
        });
    if (stuck == (atomic::load_relaxed(&kernel->stuck) != 0)) continue;
    atomic::store_relaxed(&kernel->stuck, u32(stuck));
    changed_.notify_all();
    log::warning({stuck ? "stuck" : "returned", kernel->name, services_.runtime}, [&] {
      return stuck ? stuck_text(*kernel) : "kernel '" + kernel->name + "' has returned from its handler";
    });
  }
}

const CudaKernel* RingDriver::stuck_kernel() const {
  for (const auto& kernel : kernels_) {
    if (atomic::load_relaxed(&kernel->stuck)) return kernel.get();
  }
  return nullptr;
}

std::string RingDriver::stuck_text(const CudaKernel& kernel) const {
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%g", services_.watchdog);
  return "kernel '" + kernel.name + "' on worker " + std::to_string(kernel.worker) +
         " has not returned from its handler for " + seconds + " s (the runtime's watchdog)";
}

// The kernels whose handler runs now, or one whose message is under way.
std::string RingDriver::names_in_handlers() const {
  std::string names;
  for (const auto& kernel : kernels_) {
    const bool inside =
        std::any_of(kernel->replicas.begin(), kernel->replicas.end(), [&](const auto& replica) {
          return replica->under_way || HostLinkAtomics::load_word(&shown_[replica->seat].beat) % 2;
        });
    if (inside) names += (names.empty() ? "kernel '" : ", kernel '") + kernel->name + "'";
  }
  return names.empty() ? "no handler" : names;
}

}  // namespace ringway::cuda
