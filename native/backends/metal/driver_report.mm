// What a command buffer that has ended says.
#include <algorithm>

#include "backends/metal/driver.h"
#include "core/bridge.h"
#include "core/failure_policy.h"
#include "core/log.h"

namespace ringway::metal {

void Driver::apply(const Flight& flight) {
  const Slot& area = areas_[flight.area];
  const auto* const reports = arena_->as<SliceReport>(area.reports);
  const auto* const link_reports = arena_->as<SliceLinkReport>(area.link_reports);
  u32 last_round = 0;
  bool polls = false;
  news_.clear();
  for (u32 i = 0; i < replicas_.size(); ++i) {
    if (apply(*replicas_[i], reports[i], flight.resumes[i], flight)) news_.push_back(&replicas_[i]->set);
    last_round = std::max(last_round, reports[i].last_round);
    polls |= replicas_[i]->set.options.device_polls != 0;
  }
  for (u32 i = 0; i < links_.size(); ++i) links_[i]->apply(link_reports[i]);
  for (KernelSet* kernel : news_) kernel->bridge->wake();
  if (!last_round) atomic::count(&idle_looks_, 1);
  backlog_ = last_round == flight.rounds;
  log::debug({"slices", {}, services_.runtime}, [&] {
    return "command buffer " + std::to_string(flight.number) +
           " completed: " + std::to_string(flight.how.gpu_seconds * 1e6) + " µs on the GPU, " +
           (last_round ? "messages moved up to round " + std::to_string(last_round) : "no message moved") +
           (last_round && flight.listens ? "; messages came while it ran" : "");
  });
  if (last_round || flight.listens) lively_ = last_round && polls;
  adapt(flight, last_round);
}

// Whether its bridge has something to carry.
bool Driver::apply(Replica& replica, const SliceReport& report, u32 resumes, const Flight& flight) {
  KernelSet& kernel = replica.set;
  if (kernel.emptied) return false;
  bool news = false;
  bool waits = false;
  {
    std::lock_guard lock(kernel.queues);
    const auto number = std::find(kernel.parts.begin(), kernel.parts.end(), &replica) - kernel.parts.begin();
    kernel.count(u32(number), report, flight.began);
    for (u32 lane = 0; lane < replica.lanes.size(); ++lane) {
      replica.lanes[lane].done = report.taken[lane];
      waits |= replica.lanes[lane].depth() != 0;
    }
    replica.to_host.put_to(report.published);
    news = kernel.copied.has_news();
  }
  const std::int64_t now = now_ns();
  // How long a message has been under way counts from the first slice that says so of it.
  if (!report.under_way || !replica.under_way || report.last_round) replica.under_way_since = now;
  replica.under_way = report.under_way;
  replica.unsent = report.unsent;
  replica.waits = waits;
  replica.next_look = now + (report.under_way || replica.waits_for_lanes ? kUnderWayLook : kExpiryLook);
  if (report.stop == kSliceGoes || resumes != replica.resumes || replica.stopped || kernel.dead) return news;
  replica.stopped = true;
  if (report.stop == kSliceBroken) {
    ErrorText text;
    text_of_error(kernel.type, report.error, text);
    broke(replica, text);
  } else {
    fail(kernel, "a queue of it is damaged (fault " + std::to_string(report.error) + ")");
  }
  return news;
}

// More rounds while messages move to the last of them and there is time, fewer when they do not; one round that takes
// too long gets fewer messages. One that listened says only how long looks take.
void Driver::adapt(const Flight& flight, u32 last_round) {
  const double seconds = flight.how.gpu_seconds;
  if (flight.listens) {
    if (seconds > kTarget) looks_ = std::max(1U, flight.looks / 2);
    if (!last_round && 2 * seconds < kTarget) looks_ = std::min(2 * flight.looks, kMostLooks);
    return;
  }
  if (seconds > kTarget && rounds_ > 1) {
    rounds_ = std::max(1U, rounds_ / 2);
  } else if (last_round == flight.rounds && 2 * seconds < kTarget) {
    rounds_ = std::min(2 * flight.rounds, kMostRounds);
  } else if (last_round < flight.rounds / 2) {
    rounds_ = std::max(1U, flight.rounds / 2);
  }
  if (seconds > 2 * kTarget && flight.rounds == 1) quantum_ = std::max(1U, quantum_ / 2);
  if (seconds < kTarget) quantum_ = std::min(2 * quantum_, kMostQuantum);
}

// Names a kernel whose message, or whose command buffer, takes longer than the watchdog allows.
void Driver::look_for_stuck() {
  if (!patience_) return;
  const std::int64_t now = now_ns();
  const bool late = !flights_.empty() && !flights_.front()->over && now - flights_.front()->began > patience_;
  for (const auto& kernel : kernels_) {
    const bool stuck =
        std::any_of(kernel->replicas.begin(), kernel->replicas.end(), [&](const auto& replica) {
          const bool flies =
              late && std::find(flights_.front()->replicas.begin(), flights_.front()->replicas.end(),
                                replica.get()) != flights_.front()->replicas.end();
          return flies || (replica->under_way && !kernel->dead && now - replica->under_way_since > patience_);
        });
    if (stuck == (atomic::load_relaxed(&kernel->stuck) != 0)) continue;
    atomic::store_relaxed(&kernel->stuck, u32(stuck));
    log::warning({stuck ? "stuck" : "returned", kernel->name, services_.runtime}, [&] {
      return stuck ? stuck_text(*kernel) : "kernel '" + kernel->name + "' has returned from its handler";
    });
  }
}

const KernelSet* Driver::stuck_kernel() const {
  for (const auto& kernel : kernels_) {
    if (atomic::load_relaxed(&kernel->stuck)) return kernel.get();
  }
  return nullptr;
}

std::string Driver::stuck_text(const KernelSet& kernel) const {
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%g", services_.watchdog);
  return "kernel '" + kernel.name + "' on worker " + std::to_string(kernel.worker) +
         " has not returned from its handler for " + seconds + " s (the runtime's watchdog)";
}

}  // namespace ringway::metal
