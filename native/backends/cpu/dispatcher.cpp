// Dispatches run one after the other; the groups of one are shared out in runs to whoever takes part.
//
// 1. start() puts a job at the end of the queue. The job at its front is the one that runs.
// 2. A participant claims the next run of groups by one addition, until none is left. Who finishes the last group of the
//    last pass takes the job off the queue.
// 3. A caller that waits takes part itself, and wakes the threads only when the first run of groups says that the rest
//    will take longer than a wake: small dispatches touch no other thread.
#include "backends/cpu/dispatcher.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <new>
#include <system_error>
#include <thread>

#include "backends/cpu/grid_kernels.h"
#include "core/cores.h"
#include "ringway/atomics_runtime.h"

namespace ringway::cpu {
namespace {

constexpr u64 kMostPasses = 2;
constexpr u64 kRunsPerWorker = 16;            // so that the slowest run ends not long after the others
constexpr u64 kThreadsPerRun = 4096;          // of a kernel without barriers: a claim is cheap beside them
constexpr std::int64_t kWorthAWake = 50'000;  // ns of work that is left
constexpr std::int64_t kBetweenChecks = 10'000'000;

class CpuJob : public DispatchJob {
 public:
  CpuJob(const DispatchRequest& asked, const GridEntry* of, u32 workers) : DispatchJob(asked), entry(of) {
    groups = count_of(request.grid.groups);
    run = groups / (workers * kRunsPerWorker);
    const u64 least = entry->barriers ? 1 : kThreadsPerRun / count_of(request.grid.group);
    run = std::max({run, least, u64(1)});
  }

  struct Pass {
    alignas(kIndexLine) u64 claimed = 0;
    alignas(kIndexLine) u64 ended = 0;
  };

  const GridEntry* const entry;
  u64 groups = 0;
  u64 run = 1;  // groups that are claimed at a time
  Pass passes[kMostPasses];
  u32 skipping = 0;  // cancelled, or failed: groups are claimed and not run

  // Guarded by the dispatcher's lock.
  u32 participants = 0;
  bool wants_help = false;
  ErrorKind kind = ErrorKind::kHandler;
  std::string failure;
};

class CpuDispatcher : public Dispatcher {
 public:
  explicit CpuDispatcher(u32 workers) : workers_(workers ? workers : usable_cores()) {
    idle_runners_.reserve(workers_);
  }
  ~CpuDispatcher() override { stop(); }

  std::string device() const override { return std::to_string(usable_cores()) + " cores"; }
  u32 workers() const override { return workers_; }
  bool offers(const DispatchKernel& kernel, DType element) const override {
    return find_grid_entry(kernel.name, element) != nullptr;
  }

  std::shared_ptr<DispatchJob> start(const DispatchRequest& request, bool assisted) override {
    auto job =
        std::make_shared<CpuJob>(request, find_grid_entry(request.kernel->name, request.element), workers_);
    {
      std::lock_guard lock(changing_);
      if (stopped_) throw Error(ErrorKind::kClosed, "the device is closed");
      if (!assisted && !have_threads_locked()) {
        throw Error(ErrorKind::kOutOfMemory,
                    request_text(*job) +
                        "finds no thread, and the system gives none; raise the limit (`ulimit -u`, "
                        "the container's), or call the kernel instead of starting it");
      }
      queue_.push_back(job);
      job->wants_help = !assisted;
    }
    if (!assisted) wake_.notify_all();
    return job;
  }

  void assist(DispatchJob& job, const Wait& until) override {
    CpuJob& own = static_cast<CpuJob&>(job);
    const Leave leave{this, &own};
    while (!own.done() && !until.over()) {
      if (enter(own)) {
        take_part(own, until);
      } else {
        moved_.wait(until, [&] { return own.done() || is_open(own); });
      }
    }
  }

  void cancel(DispatchJob& job) override {
    CpuJob& own = static_cast<CpuJob&>(job);
    std::string text("cancelled");  // that needs no memory: a caller that leaves without any cancels too
    try {
      text = request_text(own) + "was cancelled";
    } catch (const std::bad_alloc&) {
    }
    std::shared_ptr<CpuJob> unbegun;
    bool alone = false;
    {
      std::lock_guard lock(changing_);
      const auto found =
          std::find_if(queue_.begin(), queue_.end(), [&](const auto& other) { return other.get() == &own; });
      if (found == queue_.end()) return;
      fail(own, ErrorKind::kClosed, std::move(text));
      if (found != queue_.begin()) {
        unbegun = *found;
        queue_.erase(found);
      } else {
        alone = !have_threads_locked();
        own.wants_help = !alone;
      }
    }
    if (unbegun) {
      unbegun->finish(unbegun->kind, unbegun->failure);
      moved_.notify();
    } else if (alone) {  // what was not begun is passed over here, so that the next job's turn comes
      if (enter(own)) take_part(own, Wait{});
    } else {
      wake_.notify_all();
    }
  }

  void stop() override {
    std::vector<std::shared_ptr<CpuJob>> left;
    {
      std::lock_guard lock(changing_);
      if (stopped_) return;
      stopped_ = true;
      left.assign(queue_.rbegin(), queue_.rend());
    }
    for (const auto& job : left) cancel(*job);
    for (const auto& job : left) job->wait(Wait{});
    {
      std::lock_guard lock(changing_);
      ended_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  // A caller that leaves a job unfinished, at its deadline or by an exception, leaves it to the threads.
  struct Leave {
    CpuDispatcher* dispatcher;
    CpuJob* job;
    ~Leave() {
      if (!job->done()) dispatcher->ask_for_help(*job);
    }
  };
  struct Part {
    ~Part() { dispatcher->leave(*job, std::move(runner)); }
    CpuDispatcher* dispatcher;
    CpuJob* job;
    std::unique_ptr<GroupRunner> runner;
  };

  static std::string request_text(const CpuJob& job) { return job.request.kernel->name + ": the dispatch "; }

  // With the lock held.
  bool is_open_locked(const CpuJob& job) const {
    return !queue_.empty() && queue_.front().get() == &job && job.participants < workers_ &&
           atomic::load_relaxed(&job.passes[job.entry->passes.size() - 1].claimed) < job.groups;
  }
  static void fail(CpuJob& job, ErrorKind kind, std::string text) {
    if (job.failure.empty()) {
      job.kind = kind;
      job.failure = std::move(text);
    }
    atomic::store_relaxed(&job.skipping, 1U);
  }

  bool is_open(const CpuJob& job) {
    std::lock_guard lock(changing_);
    return is_open_locked(job);
  }
  bool enter(CpuJob& job) {
    std::lock_guard lock(changing_);
    if (!is_open_locked(job)) return false;
    ++job.participants;
    return true;
  }
  void leave(CpuJob& job, std::unique_ptr<GroupRunner> runner) {
    std::lock_guard lock(changing_);
    --job.participants;
    try {
      if (runner) idle_runners_.push_back(std::move(runner));
    } catch (const std::bad_alloc&) {  // the next takes a new one
    }
  }
  std::unique_ptr<GroupRunner> take_runner() {
    {
      std::lock_guard lock(changing_);
      if (!idle_runners_.empty()) {
        auto runner = std::move(idle_runners_.back());
        idle_runners_.pop_back();
        return runner;
      }
    }
    return std::make_unique<GroupRunner>();
  }

  // There may be no thread, where the system gives none: then who takes part already does all of it, or cancels.
  void ask_for_help(CpuJob& job) {
    {
      std::lock_guard lock(changing_);
      if (job.wants_help || !have_threads_locked()) return;
      job.wants_help = true;
    }
    wake_.notify_all();
  }
  // Fewer threads than `workers_` will do.
  bool have_threads_locked() {
    try {
      while (!ended_ && threads_.size() < workers_) threads_.emplace_back([this] { thread_main(); });
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
    return !threads_.empty();
  }

  void thread_main() {
    std::unique_lock lock(changing_);
    while (!ended_) {
      if (queue_.empty() || !queue_.front()->wants_help || !is_open_locked(*queue_.front())) {
        wake_.wait(lock);
        continue;
      }
      const std::shared_ptr<CpuJob> job = queue_.front();
      ++job->participants;
      lock.unlock();
      take_part(*job, Wait{});
      lock.lock();
    }
  }

  // By a participant, which is counted already. Returns when no group is left to begin, or `until` is over.
  void take_part(CpuJob& job, const Wait& until) {
    Part part{this, &job, nullptr};
    try {
      part.runner = take_runner();
    } catch (const std::bad_alloc&) {
      out_of_memory(job);
    }
    bool first_run = true;
    std::int64_t last_check = now_ns();
    for (u64 pass = 0; pass < job.entry->passes.size(); ++pass) {
      CpuJob::Pass& counts = job.passes[pass];
      for (;;) {
        const u64 first = atomic::add_relaxed(&counts.claimed, job.run);
        if (first >= job.groups) break;
        const u64 count = std::min(job.run, job.groups - first);
        if (!atomic::load_relaxed(&job.skipping)) run_groups(job, pass, part.runner.get(), first, count);
        // SYNC: partner itself: the last one sees, and passes on by finish() or the next pass, what all have written.
        const u64 ended = atomic::add_seq_cst(&counts.ended, count) + count;
        if (ended == job.groups) end_pass(job, pass);
        const std::int64_t now = now_ns();
        if (first_run && (job.groups - first - count) / job.run * u64(now - last_check) > kWorthAWake) {
          ask_for_help(job);
        }
        first_run = false;
        if (until.check && now - last_check > kBetweenChecks) {
          last_check = now;
          until.check();
          if (until.over()) return;
        }
      }
      // SYNC: partner add_seq_cst of `ended` above: the next pass reads what this one wrote.
      const auto over = [&] { return atomic::load_seq_cst(&counts.ended) == job.groups; };
      if (pass + 1 < job.entry->passes.size() && !moved_.wait(until, over)) return;
    }
  }

  void run_groups(CpuJob& job, u64 pass, GroupRunner* runner, u64 first, u64 count) {
    try {
      if (job.entry->passes[pass](job.request, runner, first, count)) return;
      std::lock_guard lock(changing_);
      fail(job, ErrorKind::kHandler, job.request.kernel->name + ": " + runner->failure());
    } catch (const std::bad_alloc&) {
      out_of_memory(job);
    }
  }
  void out_of_memory(CpuJob& job) {
    std::string text("no memory");  // that needs none
    try {
      text = job.request.kernel->name + ": no memory for the stacks of a group's threads";
    } catch (const std::bad_alloc&) {
    }
    std::lock_guard lock(changing_);
    fail(job, ErrorKind::kOutOfMemory, std::move(text));
  }

  void end_pass(CpuJob& job, u64 pass) {
    if (pass + 1 < job.entry->passes.size()) {
      moved_.notify();
      return;
    }
    std::shared_ptr<CpuJob> held;
    {
      std::lock_guard lock(changing_);
      held = std::move(queue_.front());
      queue_.pop_front();
    }
    held->finish(held->kind, held->failure);
    wake_.notify_all();
    moved_.notify();
  }

  const u32 workers_;
  std::mutex changing_;
  std::condition_variable wake_;
  Signal moved_;  // a job or a pass has ended
  std::deque<std::shared_ptr<CpuJob>> queue_;
  std::vector<std::unique_ptr<GroupRunner>> idle_runners_;
  std::vector<std::thread> threads_;
  bool stopped_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Dispatcher> open_dispatcher(u32 workers) {
  return std::make_unique<CpuDispatcher>(workers);
}

}  // namespace ringway::cpu
