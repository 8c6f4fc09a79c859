// Dispatches go to the GPU in the order in which they were started.
//
// 1. start() puts a job at the end of the line. Jobs whose buffers are all in the pool are committed ahead, a few at a
//    time, so that the GPU need not wait for the host: Metal keeps them in order, because it sees which buffers they
//    share. A job with arrays from elsewhere waits for the one before, and keeps the one behind waiting.
// 2. When a command buffer ends, Metal calls back on a thread of its own, which brings copies back, finishes the job and
//    commits what may go next.
// 3. What was committed cannot be called back: a cancelled job that is on the GPU ends first.
#include "backends/metal/dispatcher.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <new>

#include "backends/metal/grid_job.h"
#include "core/log.h"

namespace ringway::metal {
namespace {

constexpr std::size_t kMostAhead = 4;

using Job = std::shared_ptr<GridJob>;

// Outlives its dispatcher where a callback still runs.
class Line : public std::enable_shared_from_this<Line> {
 public:
  explicit Line(const Gpu& gpu) : parts_(gpu) {}

  GridParts& parts() { return parts_; }

  void add(const Job& job) {
    std::unique_lock lock(changing_);
    if (stopped_) throw Error(ErrorKind::kClosed, "the device is closed");
    waiting_.push_back(job);
    move_on(lock);
  }

  void cancel(GridJob& job) {
    std::unique_lock lock(changing_);
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const Job& other) { return other.get() == &job; });
    job.cancelled = true;
    if (found == waiting_.end()) return;
    const Job unbegun = *found;
    waiting_.erase(found);
    lock.unlock();
    unbegun->finish(ErrorKind::kClosed, cancelled_text(*unbegun));
  }

  void stop() {
    std::unique_lock lock(changing_);
    stopped_ = true;
    for (const Job& job : committed_) job->cancelled = true;
    const std::deque<Job> unbegun = std::move(waiting_);
    waiting_.clear();
    lock.unlock();
    for (const Job& job : unbegun) job->finish(ErrorKind::kClosed, cancelled_text(*job));
    lock.lock();
    idle_.wait(lock, [&] { return committed_.empty() && !moving_; });
  }

 private:
  static std::string cancelled_text(const GridJob& job) {
    return job.request.kernel->name + ": the dispatch was cancelled";
  }

  // One thread at a time does what is to be done; others leave it to that one. `lock` is held at the call and at its end.
  void move_on(std::unique_lock<std::mutex>& lock) {
    if (moving_) return;
    moving_ = true;
    for (;;) {
      if (!committed_.empty() && committed_.front()->ended) {
        const Job job = std::move(committed_.front());
        committed_.pop_front();
        const bool cancelled = job->cancelled;
        lock.unlock();
        finish(*job, cancelled);
        lock.lock();
      } else if (may_commit()) {
        const Job job = std::move(waiting_.front());
        waiting_.pop_front();
        committed_.push_back(job);
        lock.unlock();
        commit(job);
        lock.lock();
      } else {
        break;
      }
    }
    moving_ = false;
    idle_.notify_all();
  }

  bool may_commit() const {
    if (waiting_.empty()) return false;
    if (committed_.empty()) return true;
    return committed_.size() < kMostAhead && waiting_.front()->in_place() && committed_.back()->in_place();
  }

  void commit(const Job& job) {
    try {
      job->commit([line = shared_from_this(), job](const Ended& ended) { line->end(*job, ended); });
    } catch (const Error& error) {
      fail(*job, error.kind(), error.what());
    } catch (const std::bad_alloc&) {
      fail(*job, ErrorKind::kOutOfMemory, job->request.kernel->name + ": no memory to encode the dispatch");
    }
  }

  void fail(GridJob& job, ErrorKind kind, const std::string& failure) {
    std::lock_guard lock(changing_);
    job.failed_as = kind;
    job.failure = failure;
    job.ended = true;
  }

  // By a thread of Metal's.
  void end(GridJob& job, const Ended& ended) {
    std::unique_lock lock(changing_);
    job.failed_as = ended.kind;
    job.failure = ended.failure;
    job.gpu_seconds = ended.gpu_seconds;
    job.ended = true;
    move_on(lock);
  }

  static void finish(GridJob& job, bool cancelled) {
    job.settle(job.failure.empty());
    log::debug({"ended"}, [&] {
      return text_of(job.request) + "; " + std::to_string(job.gpu_seconds * 1e6) + " µs on the GPU, " +
             (job.failure.empty() ? "completed" : "failed");
    });
    if (!job.failure.empty()) {
      job.DispatchJob::finish(job.failed_as, job.failure);
    } else if (cancelled) {
      job.DispatchJob::finish(ErrorKind::kClosed, cancelled_text(job));
    } else {
      job.DispatchJob::finish(ErrorKind::kHandler, {});
    }
  }

  GridParts parts_;
  std::mutex changing_;
  std::condition_variable idle_;
  std::deque<Job> waiting_;
  std::deque<Job> committed_;
  bool moving_ = false;
  bool stopped_ = false;
};

class MetalDispatcher : public Dispatcher {
 public:
  MetalDispatcher() : line_(std::make_shared<Line>(gpu())) {}
  ~MetalDispatcher() override { line_->stop(); }

  std::string device() const override { return description(line_->parts().gpu); }
  u32 workers() const override { return 0; }
  bool offers(const DispatchKernel& kernel, DType element) const override {
    return GridKernels::offers(kernel, element);
  }
  std::shared_ptr<PageSource> pages() override { return line_->parts().pages; }

  std::shared_ptr<DispatchJob> start(const DispatchRequest& request, bool) override {
    const AutoreleaseScope scope;
    const auto job = std::make_shared<GridJob>(request, line_->parts());
    line_->add(job);
    return job;
  }
  void cancel(DispatchJob& job) override { line_->cancel(static_cast<GridJob&>(job)); }
  void stop() override { line_->stop(); }

 private:
  const std::shared_ptr<Line> line_;
};

}  // namespace

std::unique_ptr<Dispatcher> open_dispatcher(u32 workers) {
  if (workers) {
    throw Error(ErrorKind::kInvalidOption, "workers is " + std::to_string(workers) +
                                               "; backend 'metal' has no choice of them: leave it out");
  }
  return std::make_unique<MetalDispatcher>();
}

}  // namespace ringway::metal
