#include "backends/metal/driver.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "backends/metal/ring_bindings.h"
#include "core/error.h"
#include "core/log.h"

namespace ringway::metal {
namespace {

constexpr std::int64_t kLongSleep = 1'000'000'000;
constexpr u32 kSpins = 2000;

}  // namespace

Driver::Driver(const HostServices& services, const Gpu& gpu, Library& library)
    : services_(services),
      patience_(static_cast<std::int64_t>(services.watchdog * 1e9)),
      arena_(std::make_shared<Arena>(gpu)),
      boundary_(library.pipeline("ring_boundary")),
      label_(owned_string("slices of " + services.runtime)),
      queue_(new_queue(gpu, "ring kernels of " + services.runtime)),
      buffers_(gpu, services.buffers, arena_) {
  check_ring_boundary(boundary_);
  thread_ = std::thread([this] { run(); });
}

Driver::~Driver() {
  stop();
}

void Driver::stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Driver::abandon() {
  std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

void Driver::wake(bool hurries) {
  {
    std::lock_guard lock(mutex_);
    atomic::count(&events_, 1);
    if (listening() && !hurries) return;  // its end is what wakes
    ring();
  }
  changed_.notify_all();
}

// Ends a command buffer that only looks for messages, or lets it run out.
void Driver::ring() {
  // Relaxed: partner look_for_mail(); nothing comes with it.
  if (listening()) HostLinkAtomics::store_index(arena_->as<u32>(areas_[flights_.back()->area].bell), 1);
}

void Driver::run() {
  const AutoreleaseScope scope;
  Lock lock(mutex_);
  for (;;) {
    if (take_ended()) continue;
    if (stop_ && flights_.empty()) return;
    const bool empties = stop_ || stillness_ || !failing_.empty() || buffers_.stale() || !laid_out_;
    if (empties && !flights_.empty()) {
      ring();
      sleep(lock);
      continue;
    }
    if (stillness_) {  // its turn
      sleep(lock);
      continue;
    }
    finish_failures();
    resume_due();
    if (flights_.size() < kInFlight && !listening() && wants_slices()) {
      encode();
    } else {
      sleep(lock);
    }
  }
}

// Applies the report of the oldest command buffer if that has ended.
bool Driver::take_ended() {
  look_for_stuck();
  if (flights_.empty() || !flights_.front()->over) return false;
  const auto flight = flights_.front();
  flights_.erase(flights_.begin());
  ended_ = flight->number;
  flight->how.failure.empty() ? apply(*flight) : command_failed(*flight);
  landed_.push_back(flight);
  changed_.notify_all();
  return true;
}

bool Driver::wants_slices() {
  if (events_ != encoded_events_ || backlog_) return true;
  return flights_.empty() && (lively_ || now_ns() >= next_look());
}

// When something may move although nobody says so: messages under way, times to live that run out, restarts.
std::int64_t Driver::next_look() const {
  std::int64_t next = Wait::kForever;
  for (const auto& kernel : kernels_) {
    for (const auto& replica : kernel->replicas) {
      if (replica->under_way || (replica->waits_for_lanes && kernel->running && !kernel->dead))
        next = std::min(next, replica->next_look);
      if (replica->resume_at) next = std::min(next, replica->resume_at);
      const bool expires = kernel->running && !kernel->dead && atomic::load_relaxed(&kernel->uses_ttl);
      if (expires && replica->waits) next = std::min(next, replica->next_look);
    }
  }
  return next;
}

void Driver::sleep(Lock& lock) {
  const bool spins = flights_.empty() && !stillness_ && !stop_ &&
                     std::any_of(kernels_.begin(), kernels_.end(), [](const auto& kernel) {
                       return kernel->running && kernel->options.idle == Idle::kSpin;
                     });
  if (spins) {
    const u64 seen = events_;
    lock.unlock();
    // Relaxed, as are the counts: the lock is taken before anything else is looked at.
    for (u32 i = 0; i < kSpins && atomic::load_relaxed(&events_) == seen; ++i) atomic::relax();
    lock.lock();
    return;
  }
  std::int64_t longest = kLongSleep;
  for (const auto& kernel : kernels_) {
    if (kernel->running && kernel->options.idle == Idle::kPoll)
      longest =
          std::min(longest, std::max<std::int64_t>(1000, std::int64_t(kernel->options.poll_interval * 1e9)));
  }
  if (patience_ && !flights_.empty())
    longest = std::min(longest, std::max<std::int64_t>(1'000'000, patience_ / 4));
  if (flights_.empty()) {
    const std::int64_t next = next_look();
    if (next != Wait::kForever) longest = std::min(longest, std::max<std::int64_t>(0, next - now_ns()));
  }
  changed_.wait_for(lock, std::chrono::nanoseconds(longest));
}

// The first kernel of the oldest command buffer, or one whose message is under way.
std::string Driver::name_on_gpu() const {
  if (!flights_.empty() && !flights_.front()->replicas.empty())
    return flights_.front()->replicas[0]->set.name;
  const auto found = std::find_if(replicas_.begin(), replicas_.end(),
                                  [](const Replica* replica) { return replica->under_way; });
  return found == replicas_.end() ? services_.runtime : (*found)->set.name;
}

void Driver::wait(Lock& lock, const Wait& until, const std::function<bool()>& done) {
  const std::int64_t began = now_ns();
  while (!done()) {
    const KernelSet* const stuck = stuck_kernel();
    if (patience_ && now_ns() - began > patience_ && stuck)
      throw Error(ErrorKind::kTimeout, stuck_text(*stuck));
    if (until.over()) {
      throw Error(ErrorKind::kClosed,
                  "kernel '" + name_on_gpu() + "' is in its handler, and waited for no longer");
    }
    const std::int64_t slice =
        patience_ ? std::min<std::int64_t>(patience_ / 4 + 1, Wait::kSlice) : Wait::kSlice;
    changed_.wait_for(lock, std::chrono::nanoseconds(until.slice(slice)));
    if (until.check) {
      lock.unlock();
      until.check();
      lock.lock();
    }
  }
}

void Driver::still(const Wait& until, const std::function<void()>& change) {
  const AutoreleaseScope scope;
  Lock lock(mutex_);
  struct Wanted {
    Driver& driver;
    Lock& held;
    ~Wanted() {
      if (!held.owns_lock()) held.lock();
      --driver.stillness_;
      atomic::count(&driver.events_, 1);
      driver.changed_.notify_all();
    }
  } const wanted{*this, lock};
  ++stillness_;
  changed_.notify_all();
  wait(lock, until, [this] { return flights_.empty() || (stop_ && !thread_.joinable()); });
  change();
}

void Driver::check() {
  std::lock_guard lock(mutex_);
  if (!lost_.empty()) throw Error(ErrorKind::kDeviceLost, lost_);
}

void Driver::add(std::shared_ptr<KernelSet> kernel) {
  for (const auto& replica : kernel->replicas) replicas_.push_back(replica.get());
  kernels_.push_back(std::move(kernel));
  laid_out_ = false;
}

void Driver::remove(KernelSet& kernel) {
  std::erase_if(replicas_, [&](const Replica* replica) { return &replica->set == &kernel; });
  std::erase_if(failing_, [&](const auto& one) { return one.first == &kernel; });
  for (const auto& replica : kernel.replicas) {
    for (const auto& link : replica->inputs) link->to = nullptr;
    for (const auto& link : replica->outputs) link->from = nullptr;
  }
  std::erase_if(links_, [](const auto& link) { return !link->to; });
  std::erase_if(kernels_, [&](const auto& one) { return one.get() == &kernel; });
  laid_out_ = false;
}

void Driver::add(std::shared_ptr<DeviceLink> link) {
  links_.push_back(std::move(link));
  laid_out_ = false;
}

// New areas, for other kernels and links. While nothing is on the GPU.
void Driver::lay_out() {
  for (Slot& area : areas_) {
    u64 end = 0;
    const auto reserve = [&end](u64 bytes) {
      return std::exchange(end, (end + bytes + kLine - 1) / kLine * kLine);
    };
    area.controls = reserve(replicas_.size() * sizeof(u64));
    area.orders = reserve(replicas_.size() * sizeof(SliceOrder));
    area.reports = reserve(replicas_.size() * sizeof(SliceReport));
    area.link_heads = reserve(links_.size() * sizeof(u64));
    area.link_reports = reserve(links_.size() * sizeof(SliceLinkReport));
    area.bell = reserve(sizeof(u32));
    area.block = Block(arena_, end);
    const u64 begin = area.block.offset();
    for (u64* part :
         {&area.controls, &area.orders, &area.reports, &area.link_heads, &area.link_reports, &area.bell})
      *part += begin;
    for (u32 i = 0; i < replicas_.size(); ++i)
      arena_->as<u64>(area.controls)[i] = replicas_[i]->block.offset();
    for (u32 i = 0; i < links_.size(); ++i) arena_->as<u64>(area.link_heads)[i] = links_[i]->block.offset();
  }
  laid_out_ = true;
}

void Driver::set_running(KernelSet& kernel, bool on) {
  std::lock_guard lock(mutex_);
  kernel.running = on;
  atomic::count(&events_, 1);
  ring();
  changed_.notify_all();
}

bool Driver::has_input(const KernelSet& kernel) {
  Lock lock(mutex_);
  if (kernel.dead) return false;
  if (atomic::load_relaxed(&kernel.stuck)) throw Error(ErrorKind::kTimeout, stuck_text(kernel));
  bool left = kernel.copied.depth() != 0;
  for (const auto& replica : kernel.replicas) {
    left |= replica->under_way || replica->unsent;
    for (const auto& link : replica->inputs) left |= link->published != link->taken;
  }
  if (left) {
    atomic::count(&events_, 1);
    changed_.notify_all();
  }
  return left;
}

void Driver::settle(const KernelSet* kernel, const Wait& until) {
  Lock lock(mutex_);
  const u64 last = committed_;
  ring();
  const auto under_way = [](const KernelSet& one) {
    return !one.dead && std::any_of(one.replicas.begin(), one.replicas.end(),
                                    [](const auto& replica) { return replica->under_way; });
  };
  wait(lock, until, [&] {
    if (ended_ < last) return false;
    if (kernel) return !under_way(*kernel);
    return std::none_of(kernels_.begin(), kernels_.end(), [&](const auto& one) { return under_way(*one); });
  });
  const bool stale = !kernel && buffers_.stale();
  lock.unlock();
  if (stale) {
    still(until, [this] { buffers_.renew(); });
  }
}

}  // namespace ringway::metal
