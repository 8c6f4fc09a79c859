#include "engine/group.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

namespace softmetal {
namespace {

constexpr int kAborted = -1;  // another threadgroup has failed
constexpr size_t kPage = 4096;
constexpr size_t kStack = 80 * 1024;
constexpr unsigned kMoments = 2 + SM_GROUP_THREADS / SM_LANES + SM_GROUP_THREADS;
constexpr unsigned kTurns = 64;
constexpr int kPatience = 64;  // atomic accesses, without a seed

void* map(void* at, size_t bytes) {
  const int fixed = at ? MAP_FIXED : 0;
  void* p =
      mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return p;
}

}  // namespace

thread_local Group* Group::current = nullptr;

Group::Group() : shared_(static_cast<Threads*>(map(nullptr, sizeof(Threads)))) {
  if (tsan::kActive) moments_.resize(kTurns * kMoments);
}

Group::~Group() {
  for (const Fiber& fiber : fibers_) munmap(fiber.stack - kPage, kStack + kPage);
  munmap(shared_, sizeof(Threads));
}

void Group::begin(const Dispatch& dispatch, uint64_t number, Run& run) {
  run_ = &run;
  dispatch_ = &dispatch;
  if (tsan::kActive) map(shared_, sizeof(Threads));  // forgets who touched it
  sm_group& group = shared_->group = sm_group{};
  group.threads = shared_->threads;
  const uint64_t position[3] = {number % dispatch.groups[0], number / dispatch.groups[0] % dispatch.groups[1],
                                number / (dispatch.groups[0] * dispatch.groups[1])};
  count_ = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const uint64_t origin = position[axis] * dispatch.group[axis];
    group.position[axis] = static_cast<unsigned>(position[axis]);
    group.full_size[axis] = static_cast<unsigned>(dispatch.group[axis]);
    group.groups[axis] = static_cast<unsigned>(dispatch.groups[axis]);
    group.grid[axis] = static_cast<unsigned>(dispatch.grid[axis]);
    group.origin[axis] = static_cast<unsigned>(origin);
    group.size[axis] = static_cast<unsigned>(std::min(dispatch.group[axis], dispatch.grid[axis] - origin));
    count_ *= group.size[axis];
  }
  group.count = count_;
  group.simdgroups = (count_ + SM_LANES - 1) / SM_LANES;
  for (unsigned i = 0; i < SM_BUFFERS; ++i) {
    char* const data = dispatch.buffers[i].data;
    group.buffer[i] = run.views ? run.views->copy_of(data) : data;
  }
  memory_.lay_out(dispatch, &group);

  stopped_ = 0;
  next_ = ended_ = 0;
  std::fill(state_, state_ + count_, State::kNew);
  for (unsigned i = 0; i < count_; ++i) order_[i] = i;
  random_.state = run.seed ? run.random.next() : 0;
  if (run.seed) shuffle();
  if (tsan::kActive) {
    moment_ = &moments_[(turn_++ % kTurns) * kMoments];
    tsan::release(&moment_[0]);
    tsan::create(shared_->threads, count_, &moment_[0]);
  }
}

void Group::shuffle() {
  for (unsigned i = count_; i > 1; --i) std::swap(order_[i - 1], order_[random_.below(i)]);
}

bool Group::advance() {
  current = this;
  own_ = tsan::own();
  bool more = true;
  while (!stopped_ && ended_ < count_) {
    if (run_->failure.code()) {
      stopped_ = kAborted;
    } else if (next_ < count_) {
      enter(take_fiber());
    } else if (resume_yielded()) {
      break;
    } else if (!release_simdgroups()) {
      release_group();
    }
  }
  if (stopped_ || ended_ == count_) {
    finish();
    more = false;
  }
  sm_current = nullptr;
  current = nullptr;
  return more;
}

void Group::finish() {
  if (tsan::kActive) tsan::destroy(shared_->threads, count_, &run_->end);
  if (!stopped_) {
    const std::string damage = memory_.damage();
    if (!damage.empty()) fail(kPageFault, damage);
  }
  if (!stopped_) return;
  if (stopped_ != kAborted) run_->failure.set(stopped_, std::string(what_) + where());
  idle_.clear();  // what stood on them is given up
  for (unsigned i = 0; i < fibers_.size(); ++i) {
    fibers_[i].suspended = nullptr;
    idle_.push_back(i);
  }
}

std::string Group::where() const {
  const unsigned* at = shared_->group.position;
  return " [threadgroup " + std::to_string(at[0]) + "," + std::to_string(at[1]) + "," +
         std::to_string(at[2]) + (run_->seed ? ", seed " + std::to_string(run_->seed) : "") + "]";
}

void Group::fail(int code, const std::string& what) {
  std::snprintf(what_, sizeof what_, "Compute Function(%s): %s", dispatch_->kernel->name.c_str(),
                what.c_str());
  stopped_ = code;
}

void Group::start(unsigned thread) {
  const sm_group& group = shared_->group;
  sm_thread& self = shared_->threads[thread];
  self.group = &shared_->group;
  self.index = thread;
  self.lane = thread % SM_LANES;
  self.simdgroup = thread / SM_LANES;
  self.in_group[0] = thread % group.size[0];
  self.in_group[1] = thread / group.size[0] % group.size[1];
  self.in_group[2] = thread / (group.size[0] * group.size[1]);
  for (int axis = 0; axis < 3; ++axis) self.in_grid[axis] = group.origin[axis] + self.in_group[axis];
  self.parity = self.pending = self.loads = 0;
  self.fenced = false;
  self.publisher = nullptr;
  self.fence = tsan::kActive ? &moment_[2 + SM_GROUP_THREADS / SM_LANES + thread] : nullptr;
  self.adversarial = run_->seed != 0;
  self.late_host = run_->views != nullptr;
  self.patience = run_->seed ? 1 + static_cast<int>(random_.below(16)) : kPatience;
  state_[thread] = State::kRunning;
  fiber_of_[thread] = fiber_;
  running_ = thread;
  sm_current = &self;
  tsan::enter(self.fiber);
}

void Group::run_threads(void* of) {
  Group& group = *static_cast<Group*>(of);
  for (;;) {
    while (group.next_ < group.count_) {
      const unsigned thread = group.order_[group.next_++];
      group.start(thread);
      group.in_kernel_ = true;
      group.dispatch_->kernel->entry(&group.shared_->threads[thread]);
      group.in_kernel_ = false;
      sm_thread& self = group.shared_->threads[group.running_];
      if (self.pending && group.random_.one_in(2)) group.run_->late.settle(&self, nullptr);
      if (self.pending) group.run_->late.leave(&self);
      group.state_[group.running_] = State::kEnded;
      ++group.ended_;
      if (tsan::kActive) break;  // each thread has a stack of its own
    }
    group.fiber_done_ = true;
    group.suspend();
  }
}

unsigned Group::take_fiber() {
  if (idle_.empty()) {
    Fiber fiber;
    char* low = static_cast<char*>(map(nullptr, kStack + kPage));
    mprotect(low, kPage, PROT_NONE);
    fiber.stack = low + kPage;
    idle_.push_back(static_cast<unsigned>(fibers_.size()));
    fibers_.push_back(fiber);
  }
  const unsigned taken = idle_.back();
  idle_.pop_back();
  Fiber& fiber = fibers_[taken];
  if (tsan::kActive) {
    map(fiber.stack, kStack);  // forgets who touched it
    fiber.suspended = nullptr;
  }
  if (!fiber.suspended) {
    const size_t color = taken % 61 * 320;  // spreads the stacks over the sets of the cache
    fiber.suspended = ringway::cpu::prepare_fiber(fiber.stack, kStack - color, run_threads, this);
  }
  return taken;
}

void Group::enter(unsigned fiber) {
  fiber_ = fiber;
  fiber_done_ = false;
  ringway::cpu::switch_fiber(&scheduler_, fibers_[fiber].suspended);
  tsan::enter(own_);
  if (stopped_) tsan::acquire(&run_->end);  // stop() wrote why
  if (!stopped_ && fiber_done_) idle_.push_back(fiber_);
}

void Group::suspend() {
  ringway::cpu::switch_fiber(&fibers_[fiber_].suspended, scheduler_);
}

void Group::resume(unsigned thread) {
  sm_thread& self = shared_->threads[thread];
  state_[thread] = State::kRunning;
  running_ = thread;
  sm_current = &self;
  self.patience = run_->seed ? 1 + static_cast<int>(random_.below(16)) : kPatience;
  tsan::enter(self.fiber);
  enter(fiber_of_[thread]);
}

bool Group::resume_yielded() {
  bool any = false;
  for (unsigned k = 0; k < count_ && !stopped_; ++k) {
    const unsigned thread = order_[k];
    if (state_[thread] != State::kYielded) continue;
    if (any && run_->seed && random_.one_in(2)) continue;
    any = true;
    resume(thread);
  }
  if (any && run_->seed) shuffle();
  return any;
}

bool Group::release_simdgroups() {
  bool released = false;
  for (unsigned first = 0; first < count_ && !stopped_; first += SM_LANES)
    released |= release_simdgroup(first, std::min<unsigned>(first + SM_LANES, count_));
  return released || stopped_;
}

bool Group::release_simdgroup(unsigned first, unsigned last) {
  unsigned waiting = 0;
  int line = 0;
  bool mixed = false;
  for (unsigned i = first; i < last; ++i) {
    if (state_[i] != State::kAtSimdBarrier) continue;
    mixed |= waiting++ && site_[i] != line;
    line = site_[i];
  }
  if (!waiting) return false;
  if (waiting != last - first || mixed) {
    fail(kInternal, "simdgroup_barrier or simd_ function at line " + std::to_string(line) +
                        " is not reached by all threads of the simdgroup (" + std::to_string(waiting) +
                        " of " + std::to_string(last - first) + ")");
    return false;
  }
  for (unsigned i = first; i < last; ++i) state_[i] = State::kRunning;
  tsan::barrier(shared_->threads + first, last - first, moment_ + 2 + first / SM_LANES);
  for (unsigned k = 0; k < count_ && !stopped_; ++k)
    if (order_[k] >= first && order_[k] < last) resume(order_[k]);
  return true;
}

void Group::release_group() {
  int line = 0;
  bool mixed = ended_ != 0;
  for (unsigned i = 0; i < count_; ++i) {
    if (state_[i] != State::kAtGroupBarrier) continue;
    mixed |= line && site_[i] != line;
    line = site_[i];
  }
  if (mixed) {
    return fail(kInternal, "threadgroup_barrier at line " + std::to_string(line) + " is not reached by all " +
                               std::to_string(count_) + " threads of the threadgroup (" +
                               std::to_string(ended_) + " have returned)");
  }
  if (run_->seed) shuffle();
  std::fill(state_, state_ + count_, State::kRunning);
  tsan::barrier(shared_->threads, count_, moment_ + 1);
  for (unsigned k = 0; k < count_ && !stopped_; ++k) resume(order_[k]);
}

void Group::wait(sm_wait kind, bool device_memory, int line) {
  in_kernel_ = false;
  if (sm_current->pending && device_memory) run_->late.settle(sm_current, nullptr);
  state_[running_] = kind == SM_WAIT_GROUP ? State::kAtGroupBarrier : State::kAtSimdBarrier;
  site_[running_] = line;
  if (running_ == 0 && now() > run_->deadline) stop(kTimeout, "Caused GPU Timeout Error at a barrier");
  suspend();
  in_kernel_ = true;
}

void Group::let_others_run() {
  in_kernel_ = false;
  if (sm_current->pending && random_.one_in(2)) run_->late.settle_one(sm_current, random_);
  state_[running_] = State::kYielded;
  if (now() > run_->deadline) {
    char what[160];
    std::snprintf(what, sizeof what,
                  "Caused GPU Timeout Error: thread_position_in_grid %u still spins on atomics; another "
                  "threadgroup may "
                  "never run",
                  sm_current->in_grid[0]);
    stop(kTimeout, what);
  }
  suspend();
  in_kernel_ = true;
}

void Group::store_late(volatile void* to, const void* value, unsigned size) {
  in_kernel_ = false;
  run_->late.add(sm_current, to, value, size);
  if (memory_.holds(to)) run_->late.settle(sm_current, to);  // only device memory is slow
  in_kernel_ = true;
}

void Group::settle(const volatile void* of) {
  in_kernel_ = false;
  run_->late.settle(sm_current, of);
  in_kernel_ = true;
}

void Group::see_host(const volatile void* at, bool surely) {
  in_kernel_ = false;
  if (!at) {
    run_->views->see_all();
  } else if (surely || random_.one_in(2)) {
    run_->views->see(at);
  }
  in_kernel_ = true;
}

bool Group::fails_for_no_reason() {
  return random_.one_in(8);
}

void Group::stop(int code, const char* what) {
  in_kernel_ = false;
  std::snprintf(what_, sizeof what_, "Compute Function(%s): %s", dispatch_->kernel->name.c_str(), what);
  tsan::release(&run_->end);
  stopped_ = code;
  suspend();
  __builtin_unreachable();
}

}  // namespace softmetal

extern "C" {

[[gnu::visibility("default")]] thread_local sm_thread* sm_current = nullptr;

[[gnu::visibility("default")]] void sm_barrier(sm_wait kind, bool device_memory, int line) {
  softmetal::Group::current->wait(kind, device_memory, line);
}

[[gnu::visibility("default")]] void sm_let_others_run(void) {
  softmetal::Group::current->let_others_run();
}

[[gnu::visibility("default")]] bool sm_fails_for_no_reason(void) {
  return softmetal::Group::current->fails_for_no_reason();
}

[[gnu::visibility("default")]] void sm_store_late(volatile void* to, const void* value, unsigned size) {
  softmetal::Group::current->store_late(to, value, size);
}

[[gnu::visibility("default")]] bool sm_load_own(const volatile void* from, void* value, unsigned size) {
  return softmetal::Group::current->late().own(sm_current, from, value, size);
}

[[gnu::visibility("default")]] void sm_settle(const volatile void* of) {
  softmetal::Group::current->settle(of);
}

[[gnu::visibility("default")]] void sm_see_host(const volatile void* at, bool surely) {
  softmetal::Group::current->see_host(at, surely);
}

[[gnu::visibility("default")]] void sm_missing_constant(const char* name, unsigned index) {
  char what[200];
  std::snprintf(what, sizeof what,
                "function constant '%s' (index %u) is read, and newFunctionWithName: gave it no value", name,
                index);
  softmetal::Group::current->stop(softmetal::kInternal, what);
}

}  // extern "C"
