#include "backends/cuda/ring_driver.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "backends/cuda/errors.h"
#include "backends/cuda/images.h"
#include "core/error.h"
#include "core/log.h"

namespace ringway::cuda {
namespace {

constexpr u32 kThreads = 32;                     // of a block
constexpr u32 kLeastBlocks = 8;                  // so that kernels to come find a block of their own
constexpr std::int64_t kLinger = 20'000'000;     // ns without anything new after which the grid leaves
constexpr std::int64_t kQueryEvery = 1'000'000;  // ns between two questions whether the grid is still there
constexpr std::int64_t kShortLook = 20'000, kLongLook = 500'000;  // ns between two looks at reports
constexpr std::int64_t kLongSleep = 1'000'000'000;

// RINGWAY_CUDA_LEAVE_MS, in ns. So often the grid makes way for what else the process wants of the device.
std::int64_t leave_every() {
  constexpr double kUsual = 20;
  const char* const asked = std::getenv("RINGWAY_CUDA_LEAVE_MS");
  if (!asked || !*asked) return std::int64_t(kUsual * 1e6);
  char* end = nullptr;
  const double ms = std::strtod(asked, &end);
  if (*end || !(ms >= 0) || ms > 1e6) {
    throw Error(ErrorKind::kInvalidOption,
                "RINGWAY_CUDA_LEAVE_MS is '" + std::string(asked) +
                    "'; it must be a number of milliseconds from 0, which is never, to 1000000");
  }
  return std::int64_t(ms * 1e6);
}

}  // namespace

RingDriver::RingDriver(const HostServices& services, u32 workers)
    : services_(services),
      patience_(static_cast<std::int64_t>(services.watchdog * 1e9)),
      turn_ns_(leave_every()),
      context_(std::make_shared<CudaContext>(gpu())),
      host_(std::make_shared<RingMemory>(context_, RingMemory::Where::kHost)),
      device_(std::make_shared<RingMemory>(context_, RingMemory::Where::kDevice)),
      buffers_(context_, services.buffers, host_),
      seats_(kRingSeats) {
  const CudaDriver& driver = context_->driver;
  const Current current(*context_);
  try {
    ensure(driver, driver.cuModuleLoadData(&module_, image_of_ring_kernels),
           "backend 'cuda': loading the ring kernels on " + context_->gpu.name);
    ensure(driver, driver.cuModuleGetFunction(&function_, module_, "ring_grid"),
           "backend 'cuda': the grid of ring kernels");
    int on_processor = 0;
    ensure(driver,
           driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(&on_processor, function_, int(kThreads), 0),
           "backend 'cuda': asking how many blocks of ring kernels run at the same time");
    most_blocks_ = std::min(workers, std::max(1U, u32(on_processor) * context_->gpu.processors));
    // Not ordered with the default stream, which others wait for.
    ensure(driver, driver.cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "backend 'cuda': a stream");
    ensure(driver, driver.cuEventCreate(&end_, CU_EVENT_DISABLE_TIMING), "backend 'cuda': an event");
    host_->grow(0);
    device_->grow(0);
    command_piece_ = RingPiece(host_, sizeof(RingCommand));
    seats_piece_ = RingPiece(host_, kRingSeats * sizeof(RingSeat));
    resident_piece_ = RingPiece(device_, kRingSeats * sizeof(RingResident));
    command_ = command_piece_.as<RingCommand>();
    shown_ = seats_piece_.as<RingSeat>();
    std::memset(static_cast<void*>(command_), 0, sizeof(RingCommand));
    std::memset(static_cast<void*>(shown_), 0, kRingSeats * sizeof(RingSeat));
    ensure(driver,
           driver.cuMemsetD8Async(resident_piece_.address(), 0, kRingSeats * sizeof(RingResident), stream_),
           "backend 'cuda': clearing memory");
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    if (end_) driver.cuEventDestroy(end_);
    if (stream_) driver.cuStreamDestroy(stream_);
    if (module_) driver.cuModuleUnload(module_);
    throw;
  }
}

RingDriver::~RingDriver() {
  stop();
  const Current current(*context_);
  context_->driver.cuEventDestroy(end_);
  context_->driver.cuStreamDestroy(stream_);
  context_->driver.cuModuleUnload(module_);
}

void RingDriver::stop() {
  abandon();
  if (thread_.joinable()) thread_.join();
}

void RingDriver::abandon() {
  std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

void RingDriver::event() {
  atomic::count(&events_, 1);
  changed_.notify_all();
}

void RingDriver::wake() {
  std::lock_guard lock(mutex_);
  event();
}

void RingDriver::check() {
  std::lock_guard lock(mutex_);
  if (!lost_.empty()) throw Error(ErrorKind::kDeviceLost, lost_);
}

void RingDriver::run() {
  const Current current(*context_);
  Lock lock(mutex_);
  for (;;) {
    bool moved = false;
    if (on_gpu_) {
      moved = look();
      look_at_grid();
    }
    look_for_stuck();
    finish_discards();
    resume_due();
    hand_over();
    if (stop_ && !on_gpu_) return;
    if (!on_gpu_ && wants_grid()) {
      launch();
      continue;
    }
    if (on_gpu_ && !leaving_ && wants_leave()) leave();
    sleep(lock, moved);
  }
}

// Something may move that nobody needs to say anything about.
bool RingDriver::is_busy() const {
  return std::any_of(kernels_.begin(), kernels_.end(), [this](const auto& kernel) {
    const bool spins = kernel->running && kernel->options.idle == Idle::kSpin;
    const bool runs = kernel->running && !kernel->dead;
    const bool mail = runs && kernel->copied.depth() != 0;
    return spins || mail ||
           std::any_of(kernel->replicas.begin(), kernel->replicas.end(), [&](const auto& one) {
             if (one->stopped && !kernel->discarding) return false;
             const auto& links = one->inputs.links;
             const bool linked = runs && std::any_of(links.begin(), links.end(), [](const auto& link) {
                                   return link->published != link->taken;
                                 });
             return one->under_way || linked || !follows(*one);
           });
  });
}

bool RingDriver::wants_grid() const {
  if (stop_ || stillness_ || !lost_.empty()) return false;
  return events_ != left_events_ || is_busy();
}

bool RingDriver::wants_leave() const {
  if (stop_ || stillness_ || buffers_.stale()) return true;
  const std::int64_t now = now_ns();
  if (turn_ns_ && now - launched_at_ > turn_ns_) return true;
  return now - std::max(moved_at_, launched_at_) > kLinger && !is_busy();
}

void RingDriver::launch() {
  const CudaDriver& driver = context_->driver;
  try {
    if (buffers_.stale()) {
      buffers_.renew();
      for (const auto& kernel : kernels_) kernel->bridge->wake();
    }
    left_events_ = events_;
    hand_over();
    show_host();
    RingGrid grid{command_,           shown_,   resident_piece_.as<RingResident>(), buffers_.table(),
                  buffers_.entries(), ++flight_};
    void* parameters[] = {&grid};
    HostLinkAtomics::store_word(&command_->leave, 0);
    for (u32 blocks = std::min(most_blocks_, std::bit_ceil(std::max(kLeastBlocks, used_seats_)));;
         blocks = (blocks + 1) / 2) {
      const CUresult result =
          driver.cuLaunchCooperativeKernel(function_, blocks, 1, 1, kThreads, 1, 1, 0, stream_, parameters);
      // Others have taken of the device since it was asked.
      if (result == CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE && blocks > 1) continue;
      ensure(driver, result, "launching the grid of ring kernels, of " + std::to_string(blocks) + " blocks");
      log::debug({"grid", {}, services_.runtime},
                 [&] { return "the grid of ring kernels begins, of " + std::to_string(blocks) + " blocks"; });
      break;
    }
    ensure(driver, driver.cuEventRecord(end_, stream_), "launching the grid of ring kernels");
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kDeviceLost) return lose(error.what());
    log::warning({"cuda", {}, services_.runtime}, [&] { return std::string(error.what()); });
    left_events_ = events_;
    for (const auto& kernel : kernels_) {
      for (const auto& replica : kernel->replicas) {
        if (kernel->running && !kernel->dead && !replica->stopped) broke(*replica, error.what());
      }
    }
    return;
  }
  on_gpu_ = true;
  leaving_ = false;
  launched_at_ = queried_at_ = now_ns();
}

void RingDriver::leave() {
  leaving_ = true;
  left_events_ = events_;
  HostLinkAtomics::store_word(&command_->leave, 1);
}

// Relaxed, all of it: neither a time nor a message that is still to come orders anything.
void RingDriver::show_host() {
  atomic::store_relaxed(&command_->now_us.word, u64(unix_us()));
  atomic::store_relaxed(&command_->now_ns.word, u64(now_ns()));
  for (u32 i = 0; i < used_seats_; ++i) {
    if (!seats_[i].replica) continue;
    const auto lanes = seats_[i].replica->set.mailbox.lanes();
    u32 staged = 0;
    for (u32 lane = 0; lanes.size() > 1 && lane < lanes.size(); ++lane)
      staged |= u32(lanes[lane].counts().depth != 0) << lane;
    if (staged != HostLinkAtomics::load_word(&shown_[i].staged))
      HostLinkAtomics::store_word(&shown_[i].staged, staged);
  }
}

bool RingDriver::look() {
  bool moved = false;
  show_host();
  for (u32 i = 0; i < used_seats_; ++i) {
    Seat& seat = seats_[i];
    RingSeat& shown = shown_[i];
    // SYNC: partner store_publish of the device, RingBlock::report(): the report is whole.
    const u32 number = u32(HostLinkAtomics::load_ready(&shown.reported));
    if (number == seat.reports) continue;
    seat.reports = number;
    apply(seat, shown.follows, shown.report);
    // SYNC: partner load_ready of the device, RingBlock::report(): the next one is written over this.
    HostLinkAtomics::store_publish(&shown.read, number, 0);
    moved = true;
  }
  if (moved) {
    moved_at_ = now_ns();
    changed_.notify_all();
  } else {
    atomic::count(&idle_looks_, 1);
  }
  return moved;
}

void RingDriver::look_at_grid() {
  const std::int64_t now = now_ns();
  if (!leaving_ && now - queried_at_ < kQueryEvery) return;
  queried_at_ = now;
  const CUresult result = context_->driver.cuEventQuery(end_);
  if (result == CUDA_ERROR_NOT_READY) return;
  if (result == CUDA_SUCCESS) return landed();
  lose(error_of(context_->driver, result, "the grid of ring kernels, while " + names_in_handlers() + " ran")
           .what());
}

// What the blocks had not told yet is in the last reports.
void RingDriver::landed() {
  look();
  on_gpu_ = leaving_ = false;
  for (u32 i = 0; i < used_seats_; ++i) {
    if (shown_[i].last_grid != flight_) continue;
    seats_[i].follows = shown_[i].last_follows;
    if (shown_[i].last_handler) apply(seats_[i], shown_[i].last_follows, shown_[i].last);
  }
  if (buffers_.stale()) event();
  changed_.notify_all();
}

void RingDriver::lose(const std::string& text) {
  if (on_gpu_) look();
  on_gpu_ = leaving_ = false;
  lost_ = text;
  log::warning({"lost", {}, services_.runtime}, [&] { return text; });
  for (const auto& kernel : kernels_) {
    kernel->failure_kind = ErrorKind::kDeviceLost;
    fail(*kernel, text);
  }
  changed_.notify_all();
}

void RingDriver::sleep(Lock& lock, bool moved) {
  std::int64_t longest = kLongSleep;
  if (on_gpu_) {
    longest = moved || leaving_ ? kShortLook : std::clamp((now_ns() - moved_at_) / 8, kShortLook, kLongLook);
  } else {
    for (const auto& kernel : kernels_) {
      for (const auto& replica : kernel->replicas) {
        if (replica->resume_at)
          longest = std::min(longest, std::max<std::int64_t>(0, replica->resume_at - now_ns()));
      }
    }
  }
  changed_.wait_for(lock, std::chrono::nanoseconds(longest));
}

// The order is another one than before, or has to be followed once more.
void RingDriver::say(CudaReplica& replica) {
  replica.unsaid = true;
  event();
}

void RingDriver::hand_over() {
  for (u32 i = 0; i < used_seats_; ++i) {
    Seat& seat = seats_[i];
    if (!seat.replica || !seat.replica->unsaid || (on_gpu_ && seat.follows != seat.ordered)) continue;
    RingSeat& shown = shown_[i];
    shown.order = seat.replica->order;
    // SYNC: partner load_ready of the device, RingBlock::follow(): the order is whole.
    HostLinkAtomics::store_publish(&shown.ordered, ++seat.ordered, 0);
    seat.ordered_at = now_ns();
    seat.replica->unsaid = false;
  }
}

bool RingDriver::follows(const CudaReplica& replica) const {
  const Seat& seat = seats_[replica.seat];
  return !replica.unsaid && seat.follows == seat.ordered;
}

void RingDriver::wait(Lock& lock, const Wait& until, const std::function<bool()>& done) {
  const std::int64_t began = now_ns();
  while (!done()) {
    const CudaKernel* const stuck = stuck_kernel();
    if (patience_ && now_ns() - began > patience_ && stuck)
      throw Error(ErrorKind::kTimeout, stuck_text(*stuck));
    if (until.over()) {
      throw Error(ErrorKind::kClosed, names_in_handlers() + " is in its handler, and waited for no longer");
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

void RingDriver::still(Lock& lock, const Wait& until, const std::function<void()>& change) {
  struct Wanted {
    RingDriver& driver;
    Lock& held;
    ~Wanted() {
      if (!held.owns_lock()) held.lock();
      --driver.stillness_;
      driver.event();
    }
  } const wanted{*this, lock};
  ++stillness_;
  event();
  wait(lock, until, [this] { return !on_gpu_; });
  change();
}

void RingDriver::with_memory(const Wait& until, u64 most_of_host, u64 most_of_device,
                             const std::function<bool()>& make) {
  if (make()) return;
  Lock lock(mutex_);
  still(lock, until, [&] {
    if (!host_->fits(most_of_host)) host_->grow(most_of_host);
    if (!device_->fits(most_of_device)) device_->grow(most_of_device);
    make();
  });
}

void RingDriver::add(std::shared_ptr<CudaKernel> kernel) {
  std::lock_guard lock(mutex_);
  u32 next = 0;
  std::vector<u32> chosen;
  for (; next < kRingSeats && chosen.size() < kernel->replicas.size(); ++next) {
    if (!seats_[next].replica) chosen.push_back(next);
  }
  if (chosen.size() < kernel->replicas.size()) {
    throw Error(ErrorKind::kInvalidOption,
                "the runtime has " + std::to_string(kRingSeats) +
                    " replicas of ring kernels on the GPU already; terminate some, "
                    "or start another runtime");
  }
  for (u32 i = 0; i < chosen.size(); ++i) {
    CudaReplica& replica = *kernel->replicas[i];
    Seat& seat = seats_[chosen[i]];
    replica.seat = chosen[i];
    replica.order.install = ++seat.installs;
    auto* const image = reinterpret_cast<SliceControl*>(replica.order.image);
    image->beat = i64(reinterpret_cast<u64>(&shown_[replica.seat].beat) - replica.order.control);
    seat.replica = &replica;
    seat.first = seat.ordered;
    seat.beat = HostLinkAtomics::load_word(&shown_[replica.seat].beat);
    replica.unsaid = true;
    used_seats_ = std::max(used_seats_, chosen[i] + 1);
  }
  HostLinkAtomics::store_word(&command_->seats, used_seats_);
  kernels_.push_back(std::move(kernel));
  event();
}

// What becomes of the old tables is known only once the new ones are followed.
void RingDriver::add(const std::vector<std::shared_ptr<CudaLink>>& links, Tables& tables, const Wait& until) {
  Lock lock(mutex_);
  const auto follow_all = [&] {
    wait(lock, until, [&] {
      return !lost_.empty() || std::all_of(links.begin(), links.end(), [&](const auto& link) {
        return follows(*link->to) && follows(*link->from);
      });
    });
  };
  const auto table_of = [&](const LinkTable* old) -> LinkTable& {
    return std::find_if(tables.begin(), tables.end(), [&](const auto& one) { return one.first == old; })
        ->second;
  };
  const auto order = [](const LinkTable& table, u64* entries, u64* places, u32* count) {
    *entries = table.entries.address();
    *places = table.places.address();
    *count = u32(table.links.size());
  };
  const auto say_inputs = [&](CudaReplica& to, const LinkTable& table) {
    order(table, &to.order.inputs, &to.order.input_places, &to.order.input_count);
    say(to);
  };
  const auto say_outputs = [&](CudaReplica& from, const LinkTable& table) {
    order(table, &from.order.outputs, &from.order.output_places, &from.order.output_count);
    say(from);
  };
  try {
    for (const auto& link : links) say_inputs(*link->to, table_of(&link->to->inputs));
    follow_all();
    for (const auto& link : links) say_outputs(*link->from, table_of(&link->from->outputs));
    follow_all();
  } catch (...) {
    for (const auto& link : links) {
      say_outputs(*link->from, link->from->outputs);
      say_inputs(*link->to, link->to->inputs);
    }
    // The device may be looking at them still.
    given_up_.emplace_back(links, std::move(tables));
    throw;
  }
  for (auto& [old, next] : tables) *old = std::move(next);
}

bool RingDriver::is_open(const CudaKernel& kernel) {
  std::lock_guard lock(mutex_);
  if (buffers_.stale()) event();
  return !buffers_.stale() && !kernel.dead;
}

void RingDriver::set_running(CudaKernel& kernel, bool on) {
  std::lock_guard lock(mutex_);
  kernel.running = on;
  for (const auto& replica : kernel.replicas) {
    replica->order.slice.run = on && !kernel.dead;
    say(*replica);
  }
}

bool RingDriver::has_input(const CudaKernel& kernel) {
  Lock lock(mutex_);
  if (kernel.dead) return false;
  if (atomic::load_relaxed(&kernel.stuck)) throw Error(ErrorKind::kTimeout, stuck_text(kernel));
  bool left = kernel.copied.depth() != 0;
  for (const auto& replica : kernel.replicas) {
    left |= replica->under_way || replica->unsaid;
    for (const auto& link : replica->inputs.links) left |= link->published != link->taken;
  }
  if (left) event();
  return left;
}

void RingDriver::settle(const CudaKernel* kernel, const Wait& until) {
  Lock lock(mutex_);
  const auto concerned = [&](const auto& one) { return !kernel || one.get() == kernel; };
  for (const auto& one : kernels_) {
    if (!concerned(one)) continue;
    for (const auto& replica : one->replicas) say(*replica);
  }
  wait(lock, until, [&] {
    return !lost_.empty() || std::all_of(kernels_.begin(), kernels_.end(), [&](const auto& one) {
      return !concerned(one) || one->dead ||
             std::all_of(one->replicas.begin(), one->replicas.end(), [&](const auto& replica) {
               return !replica->under_way && (!on_gpu_ || follows(*replica));
             });
    });
  });
  if (!kernel && buffers_.stale() && lost_.empty()) {
    still(lock, until, [this] {
      const Current current(*context_);
      buffers_.renew();
      for (const auto& one : kernels_) one->bridge->wake();
    });
  }
}

}  // namespace ringway::cuda
