#include "backends/cpu/worker.h"

#include <algorithm>

#include "backends/cpu/context.h"
#include "core/cores.h"

namespace ringway::cpu {

using atomic::add_seq_cst;
using atomic::claim_seq_cst;
using atomic::count;
using atomic::exchange_seq_cst;
using atomic::load_relaxed;
using atomic::load_seq_cst;
using atomic::store_relaxed;
using atomic::sub_seq_cst;

namespace {

constexpr u32 kSpinsBeforePark = 2000;
// Who asks a kernel of its own thread may have slept meanwhile; and takes as long as a park to come back with the next.
constexpr u32 kSpinsOfOwnThread = 8000;
constexpr u32 kSpinsBeforeYield = 64;
constexpr std::int64_t kShortWait =
    1'000'000;  // ns that others wait for the lock before they sleep between two looks
constexpr std::int64_t kBetweenChecks =
    20'000'000;                                 // ns between two looks at signals by who waits for the lock
constexpr std::int64_t kFirstBackoff = 20'000;  // ns that a stalled kernel waits before it is tried again
constexpr std::int64_t kLastBackoff = 2'000'000;

}  // namespace

Worker::Worker(u32 number, bool may_spin, std::function<void()> leave)
    : number_(number),
      may_spin_(may_spin),
      spins_before_park_(leave && usable_cores() > 1 ? kSpinsOfOwnThread : kSpinsBeforePark),
      leave_(std::move(leave)) {}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  thread_ = std::thread([this] {
    thread_main();
    if (leave_) leave_();
  });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  // SYNC: partner load_seq_cst in idle_once(), which looks after it said it sleeps
  exchange_seq_cst(&stop_, 1U);
  wake();
  thread_.join();
}

void Worker::abandon() {
  if (!thread_.joinable()) return;
  exchange_seq_cst(&stop_, 1U);  // SYNC: as in stop()
  wake();
  thread_.detach();
}

bool Worker::try_lock() {
  if (load_relaxed(&locked_)) return false;
  // SYNC: partner exchange_seq_cst in unlock(): the lists and the kernels' state.
  return !exchange_seq_cst(&locked_, 1U);
}

bool Worker::lock_for(std::int64_t patience, const Wait& until) {
  struct Wanted {
    u32* count;
    // SYNC: none needed: a request to let go, looked at now and then
    explicit Wanted(u32* wanted) : count(wanted) { add_seq_cst(count, 1U); }
    ~Wanted() { sub_seq_cst(count, 1U); }  // SYNC: as above
  } const wanted(&wanted_);
  std::int64_t began = 0;
  std::int64_t next_check = 0;
  for (u32 spins = 1; !try_lock(); ++spins) {
    if (spins % kSpinsBeforeYield) {
      atomic::relax();
      continue;
    }
    const std::int64_t now = now_ns();
    if (!began) began = now;
    if ((patience && now - began >= patience) || until.over()) return false;
    if (now - began < kShortWait) {
      std::this_thread::yield();
      continue;
    }
    if (until.check && now >= next_check) {
      until.check();
      next_check = now + kBetweenChecks;
    }
    park(&locked_, 1, kShortWait);
  }
  return true;
}

void Worker::unlock() {
  mirror();
  // SYNC: partner try_lock(); and notify(), which looks at the lock after its push, as this looks at the list
  // after its unlock: one of the two sees the other's.
  exchange_seq_cst(&locked_, 0U);
  // SYNC: partner exchange_seq_cst of sleep_ in idle_once(), which then looks at the lock.
  const u32 sleep = load_seq_cst(&sleep_);
  if (sleep == kAwake) return;
  // Relaxed, both: stored before the two exchanges above.
  const bool sooner = load_relaxed(&next_due_) < load_relaxed(&sleeps_until_);
  if (sooner || work_waits() || (sleep == kUntilWoken && load_relaxed(&stalled_count_))) wake();
}

void Worker::notify(Instance& kernel) {
  // SYNC: partner exchange_seq_cst in run(): what was published before is seen there, or the mark is found
  // cleared.
  if (!exchange_seq_cst(&kernel.scheduled, 1U)) push(kernel);
}

void Worker::push(Instance& kernel) {
  Instance* head = load_relaxed(&remote_);
  do {
    kernel.next_remote = head;
    // SYNC: partner exchange_seq_cst in merge_remote().
  } while (!claim_seq_cst(&remote_, &head, &kernel));
  // SYNC: partner unlock() and idle_once(): see there.
  if (!load_seq_cst(&locked_) && load_seq_cst(&sleep_) != kAwake) wake();
}

void Worker::schedule(Instance& kernel) {
  // SYNC: relaxed: only the holder of the lock, this thread, clears the mark. Otherwise as in notify().
  if (load_relaxed(&kernel.scheduled) || exchange_seq_cst(&kernel.scheduled, 1U)) return;
  ready_.push_back(&kernel);
}

void Worker::wake() {
  // SYNC: partner idle_once(): the word it sleeps on.
  if (exchange_seq_cst(&sleep_, u32(kAwake)) != kAwake) unpark_one(&sleep_);
}

void Worker::merge_remote() {
  if (!load_relaxed(&remote_)) return;
  // SYNC: partner claim_seq_cst in notify(): next_remote.
  Instance* kernel = exchange_seq_cst(&remote_, static_cast<Instance*>(nullptr));
  Instance* oldest = nullptr;
  while (kernel) {  // the last come is the first
    Instance* const older = std::exchange(kernel->next_remote, oldest);
    oldest = std::exchange(kernel, older);
  }
  for (; oldest; oldest = oldest->next_remote) ready_.push_back(oldest);
}

void Worker::mirror() {
  store_relaxed(&ready_count_, ready_.size());
  store_relaxed(&stalled_count_, stalled_.size());
}

bool Worker::work_waits() const {
  // SYNC: partner notify() and unlock(), which look at lock and sleep afterwards.
  return load_seq_cst(&remote_) || load_relaxed(&ready_count_) || due();
}

bool Worker::due() const {
  const std::int64_t next = load_relaxed(&next_due_);
  return next != Timer::kNever && next <= now_ns();
}

void Worker::due_at(std::int64_t when) {
  if (when < load_relaxed(&next_due_)) store_relaxed(&next_due_, when);
}

void Worker::start_timers(Instance& kernel) {
  store_relaxed(&kernel.rearm, 0U);
  if (kernel.timers.empty()) return;
  kernel.start_timers(now_ns());
  if (!std::exchange(kernel.timed, true)) timed_.push_back(&kernel);
}

// One that is stalled looks at its timers when it is tried again.
void Worker::schedule_due() {
  if (!due()) return;
  const std::int64_t now = now_ns();
  std::int64_t next = Timer::kNever;
  timed_.each([&](Instance& kernel) {
    if (!kernel.ticks()) return;
    for (const Timer& timer : kernel.timers) {
      const bool now_due = timer.due <= now;
      if (now_due) schedule(kernel);
      next = std::min(next, now_due ? timer.next(now) : timer.due);
    }
  });
  store_relaxed(&next_due_, next);
}

bool Worker::run(Instance& kernel) {
  // SYNC: partner exchange_seq_cst in notify(): a message that the look below misses finds the mark cleared.
  exchange_seq_cst(&kernel.scheduled, 0U);
  if (!kernel.replaced.empty()) kernel.let_leave();
  const bool runs = load_relaxed(&kernel.running) != 0;
  if (!runs && !load_relaxed(&kernel.follows)) return false;
  if (runs && load_relaxed(&kernel.rearm)) start_timers(kernel);
  Tracer& tracer = kernel.set.services->tracer;
  const std::int64_t began = tracer.on() ? now_ns() : 0;
  Context context(kernel, *this, began != 0);
  // SYNC: partner exchange_seq_cst in fail(), by another replica or another kernel of the group.
  if (load_seq_cst(&kernel.set.failed)) {
    context.follow_failure();
    return false;
  }
  if (!runs) return false;
  store_relaxed(&turns_kernel_, kernel.set.index);
  // SYNC: partner load_acquire in beat(): the kernel. Relaxed load: only the holder of the lock writes it.
  atomic::store_release(&turn_, load_relaxed(&turn_) + 1);
  const Turn turn = context.turn();
  atomic::store_release(&turn_, load_relaxed(&turn_) + 1);  // SYNC: as above
  if (began && turn.moved) {
    u64 depth = 0;
    for (const Queue& lane : kernel.set.in()) depth += lane.counts().depth;
    tracer.turn(number_, {began, now_ns(), kernel.set.index, turn.messages, u32(context.sent()), u32(depth)});
  }
  if (turn.more) schedule(kernel);
  if (turn.blocked && !kernel.stalled) {
    store_relaxed(&kernel.stalled, true);
    stalled_.push_back(&kernel);
  }
  if (kernel.ticks()) due_at(kernel.first_due());
  if (turn.messages) only_ticks_ = false;
  return turn.moved;
}

bool Worker::run_scheduled() {
  merge_remote();
  schedule_due();
  bool moved = false;
  for (auto left = ready_.size(); left; --left) {
    Instance& kernel = *ready_.pop_front();
    if (Worker* const home = kernel.home.get(); home != this) {  // it has moved
      home->push(kernel);
      continue;
    }
    if (kernel.stalled) {
      stalled_.erase(&kernel);
      store_relaxed(&kernel.stalled, false);
    }
    moved |= run(kernel);
  }
  if (moved) retry_stalled();  // there may be room now
  mirror();
  return moved;
}

void Worker::forget(Instance& kernel) {
  // SYNC: partner notify(): from here on nobody pushes the kernel.
  bool listed = exchange_seq_cst(&kernel.scheduled, 1U) != 0;
  for (;;) {
    merge_remote();
    if (ready_.erase(&kernel)) listed = false;
    if (!listed) break;
    // A sender has set the mark and is about to push. The slot's thread may take the kernel from the list meanwhile,
    // and clears the mark then.
    unlock();
    std::this_thread::yield();
    lock();
    listed = exchange_seq_cst(&kernel.scheduled, 1U) != 0;  // SYNC: as above
  }
  stalled_.erase(&kernel);
  store_relaxed(&kernel.stalled, false);
  timed_.erase(&kernel);
}

void Worker::let_go(Instance& kernel) {
  merge_remote();
  // SYNC: none needed: who finds the mark cleared pushes the kernel where it lives then, or here.
  if (ready_.erase(&kernel)) exchange_seq_cst(&kernel.scheduled, 0U);
  stalled_.erase(&kernel);
  store_relaxed(&kernel.stalled, false);
  if (std::exchange(kernel.timed, false)) timed_.erase(&kernel);  // its activation begins its timers anew
}

void Worker::ask_idle(Instance& kernel, bool on) {
  // SYNC: none needed; who changes the mark changes the count.
  if (exchange_seq_cst(&kernel.asks_idle, u32(on)) == u32(on)) return;
  const LaunchOptions& options = kernel.set.options;
  const i32 change = on ? 1 : -1;
  if (options.idle == Idle::kPark) return;
  if (options.idle == Idle::kSpin) atomic::add_relaxed(&spinning_kernels_, u32(change));
  if (options.idle == Idle::kPoll) {
    store_relaxed(&poll_ns_, static_cast<std::int64_t>(options.poll_interval * 1e9));
    atomic::add_relaxed(&polling_kernels_, u32(change));
  }
  wake();
}

void Worker::retry_stalled() {
  while (Instance* const kernel = stalled_.pop_front()) {
    store_relaxed(&kernel->stalled, false);
    schedule(*kernel);
  }
}

void Worker::thread_main() {
  u32 spins = 0;
  bool retry = false;
  std::int64_t backoff = kFirstBackoff;
  // SYNC: partner stop(); only the flag matters.
  while (!load_seq_cst(&stop_)) {
    if (load_relaxed(&wanted_)) {
      std::this_thread::yield();
    } else if ((retry || work_waits()) && try_lock()) {
      if (retry) retry_stalled();
      only_ticks_ = due();
      bool moved = false;
      while (run_scheduled()) {
        moved = true;
        if (load_relaxed(&wanted_) || load_relaxed(&stop_)) break;
      }
      // What comes after a tick is the next one, not soon.
      spins = only_ticks_ ? spins_before_park_ - 2 : 0;
      unlock();
      retry = false;
      backoff = moved ? kFirstBackoff : std::min(backoff * 2, kLastBackoff);
    } else if (++spins < spins_before_park_) {
      count(&idle_loops_, 1);
      atomic::relax();
    } else {
      spins = 0;
      retry = load_relaxed(&stalled_count_) != 0;
      if (!(may_spin_ && load_relaxed(&spinning_kernels_))) sleep(backoff, &spins);
    }
  }
}

void Worker::sleep(std::int64_t backoff, u32* spins) {
  if (load_relaxed(&polling_kernels_)) {
    // Awake as far as senders are concerned, so that none of them pays for a wake.
    park(&stop_, 0, load_relaxed(&poll_ns_));
    *spins = spins_before_park_ - 2;
    return;
  }
  const bool a_while = load_relaxed(&stalled_count_) != 0;
  const u32 depth = a_while ? kForAWhile : kUntilWoken;
  const std::int64_t tick = load_relaxed(&next_due_);
  store_relaxed(&sleeps_until_, tick);
  // SYNC: partner notify() and unlock(): they see that this sleeps, or this sees what they left.
  exchange_seq_cst(&sleep_, depth);
  constexpr std::int64_t kLong = 3'600'000'000'000;
  // SYNC: partner exchange_seq_cst of locked_ in unlock(): the counts that mirror() stored before it are seen after. Who
  // unlocked before this said that it sleeps, has not woken it: then what was left is found here, also a kernel that
  // stalled since `a_while` was looked at, which nobody but this thread tries again.
  const bool held = load_seq_cst(&locked_);
  const bool sooner = load_relaxed(&next_due_) < tick;
  const bool left = !held && (sooner || work_waits() || (!a_while && load_relaxed(&stalled_count_)));
  if (!left && !load_seq_cst(&stop_)) {  // SYNC: partner stop()
    const std::int64_t now = tick == Timer::kNever ? 0 : now_ns();
    // A tick that is due while somebody holds the lock is theirs, or they wake this thread.
    const std::int64_t pause = tick > now ? tick - now : kLong;
    park(&sleep_, depth, std::min(a_while ? backoff : kLong, pause));
  }
  exchange_seq_cst(&sleep_, u32(kAwake));  // SYNC: none needed; a wake too many is harmless
}

}  // namespace ringway::cpu
