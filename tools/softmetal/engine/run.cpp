// The two ways to run dispatches: threadgroups side by side on threads of the system, and, under a seed, a few of them in
// turns on one, in an order that the seed decides.
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <memory>
#include <numeric>
#include <thread>

#include "engine/dispatch.h"
#include "engine/faults.h"
#include "engine/group.h"
#include "engine/settings.h"

namespace softmetal {
namespace {

struct Job {
  const Dispatch* dispatch;
  Run* run;
  uint64_t total;
  std::atomic<uint64_t> next{0}, left;
};

void work(Job& job) {
  // On the heap: an extension of Python has little room for what threads own.
  static thread_local const std::unique_ptr<Group> own = std::make_unique<Group>();
  Group& group = *own;
  const Watched watched;
  const uint64_t chunk = std::max<uint64_t>(1, job.total / 64);
  for (;;) {
    const uint64_t first = job.next.fetch_add(chunk), last = std::min(first + chunk, job.total);
    if (first >= job.total) return;
    for (uint64_t i = first; i < last && !job.run->failure.code(); ++i) {
      group.begin(*job.dispatch, i, *job.run);
      while (group.advance()) sched_yield();
    }
    job.left.fetch_sub(last - first);
  }
}

class Pool {
 public:
  explicit Pool(unsigned helpers) {
    for (unsigned i = 0; i < helpers; ++i) std::thread([this] { help(); }).detach();
  }
  void run(const std::shared_ptr<Job>& job) {
    if (job->total > 1) {
      {
        const std::lock_guard<std::mutex> hold(mutex_);
        jobs_.push_back(job);
      }
      more_.notify_all();
    }
    work(*job);
    std::unique_lock<std::mutex> hold(mutex_);
    ended_.wait(hold, [&] { return !job->left.load(); });
  }

 private:
  void help() {
    std::unique_lock<std::mutex> hold(mutex_);
    for (;;) {
      more_.wait(hold, [&] { return !jobs_.empty(); });
      const std::shared_ptr<Job> job = jobs_.front();
      if (job->next.load() >= job->total) {
        jobs_.pop_front();
        continue;
      }
      hold.unlock();
      work(*job);
      hold.lock();
      if (!jobs_.empty() && jobs_.front() == job) jobs_.pop_front();
      ended_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable more_, ended_;
  std::deque<std::shared_ptr<Job>> jobs_;
};

void run_side_by_side(const std::vector<const Dispatch*>& dispatches, Run& run) {
  static auto* pool = new Pool(settings().workers - 1);  // its threads may outlive main
  for (const Dispatch* dispatch : dispatches) {
    auto job = std::make_shared<Job>();
    job->dispatch = dispatch;
    job->run = &run;
    job->left = job->total = dispatch->group_count();
    pool->run(job);
  }
}

// The numbers below `total` in an order that the seed decides.
class Order {
 public:
  Order(uint64_t total, Random& random) : total_(total), step_(1), at_(random.below(total)) {
    if (total <= kListed) {
      list_.resize(total);
      std::iota(list_.begin(), list_.end(), 0);
      for (uint64_t i = total; i > 1; --i) std::swap(list_[i - 1], list_[random.below(i)]);
    } else {
      do step_ = 1 + random.below(total - 1);
      while (std::gcd(step_, total) != 1);
    }
  }
  bool empty() const { return taken_ == total_; }
  uint64_t take() {
    ++taken_;
    if (!list_.empty()) return list_[taken_ - 1];
    at_ = (at_ + step_) % total_;
    return at_;
  }

 private:
  static constexpr uint64_t kListed = 65536;
  uint64_t total_, step_, at_, taken_ = 0;
  std::vector<uint64_t> list_;
};

// ThreadSanitizer follows some two hundred threads at a time.
unsigned most_resident(const std::vector<const Dispatch*>& dispatches) {
  if (!tsan::kActive) return 4;
  uint64_t threads = 1;
  for (const Dispatch* dispatch : dispatches)
    threads = std::max(threads, dispatch->group[0] * dispatch->group[1] * dispatch->group[2]);
  return static_cast<unsigned>(std::clamp<uint64_t>(128 / threads, 1, 4));
}

void run_in_turns(const std::vector<const Dispatch*>& dispatches, Run& run) {
  static thread_local std::vector<std::unique_ptr<Group>> groups;
  const Watched watched;
  const unsigned most = most_resident(dispatches);
  const unsigned asked = settings().resident;
  const unsigned resident = asked ? std::min(asked, most) : 1 + static_cast<unsigned>(run.random.below(most));
  while (groups.size() < resident) groups.push_back(std::make_unique<Group>());

  std::vector<Order> orders;
  for (const Dispatch* dispatch : dispatches) orders.emplace_back(dispatch->group_count(), run.random);
  std::vector<unsigned> idle(resident), active, dispatches_left(dispatches.size());
  std::iota(idle.begin(), idle.end(), 0);
  std::iota(dispatches_left.begin(), dispatches_left.end(), 0);
  for (;;) {
    while (!idle.empty() && !dispatches_left.empty() && !run.failure.code()) {
      const size_t which = run.random.below(dispatches_left.size());
      const unsigned dispatch = dispatches_left[which];
      groups[idle.back()]->begin(*dispatches[dispatch], orders[dispatch].take(), run);
      active.push_back(idle.back());
      idle.pop_back();
      if (orders[dispatch].empty()) dispatches_left.erase(dispatches_left.begin() + static_cast<long>(which));
    }
    if (active.empty()) break;
    const size_t which = run.random.below(active.size());
    if (groups[active[which]]->advance()) continue;
    idle.push_back(active[which]);
    active.erase(active.begin() + static_cast<long>(which));
  }
  run.late.settle_all();
}

}  // namespace

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void run(const std::vector<const Dispatch*>& dispatches, Failure& failure, HostViews* views) {
  static std::atomic<uint64_t> serial{0};
  catch_faults();
  const uint64_t seed = settings().seed;
  Run run{failure, now() + settings().timeout,
          seed,    Random{seed * 0x9E3779B97F4A7C15ull + serial++},
          {},      views,
          {},      {}};
  if (seed) {
    run_in_turns(dispatches, run);
  } else {
    run_side_by_side(dispatches, run);
  }
  if (tsan::kActive) tsan::acquire(&run.end);
}

}  // namespace softmetal
