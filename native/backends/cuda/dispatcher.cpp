// Dispatches go into one stream, by a thread of the dispatcher's, in the order in which they were started.
//
// 1. start() puts a job at the end of the line. Jobs whose buffers the device uses where they lie are submitted ahead, a
//    few at a time, so that the GPU need not wait for the host. A job with arrays that have to be copied goes alone: the
//    driver moves such memory while the caller waits.
// 2. The thread waits for the oldest job's event, and finishes it.
// 3. What was submitted cannot be called back: a cancelled job that is in the stream ends first.
// 4. After an error that a CUDA context keeps, the device is lost: every job fails with the first text.
#include "backends/cuda/dispatcher.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <new>
#include <thread>

#include "backends/cuda/errors.h"
#include "backends/cuda/stream_job.h"
#include "core/log.h"

namespace ringway::cuda {
namespace {

constexpr std::size_t kMostAhead = 4;

using Job = std::shared_ptr<StreamJob>;

class CudaDispatcher : public Dispatcher {
 public:
  explicit CudaDispatcher(const CudaGpu& gpu) : context_(std::make_shared<CudaContext>(gpu)) {
    {
      const Current current(*context_);
      parts_ = std::make_unique<StreamParts>(*context_);
    }
    pages_ = std::make_shared<PinnedPages>(context_);
    thread_ = std::thread([this] { run(); });
  }
  ~CudaDispatcher() override {
    stop();
    const Current current(*context_);
    parts_.reset();
  }

  std::string device() const override { return description(context_->gpu); }
  u32 workers() const override { return 0; }
  bool offers(const DispatchKernel& kernel, DType element) const override {
    return GridImage::offers(kernel, element);
  }
  std::shared_ptr<PageSource> pages() override { return pages_; }

  i32 cuda_device() const override { return context_->gpu.device; }

  std::shared_ptr<DispatchJob> start(const DispatchRequest& request, bool) override {
    const Current current(*context_);
    const auto job = std::make_shared<StreamJob>(request, *parts_);
    {
      std::lock_guard lock(changing_);
      if (stopped_) throw Error(ErrorKind::kClosed, "the device is closed");
      waiting_.push_back(job);
    }
    moved_.notify_all();
    return job;
  }

  void cancel(DispatchJob& asked) override {
    auto& job = static_cast<StreamJob&>(asked);
    Job unbegun;
    {
      std::lock_guard lock(changing_);
      job.cancelled = true;
      const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const Job& other) { return other.get() == &job; });
      if (found == waiting_.end()) return;
      unbegun = *found;
      waiting_.erase(found);
    }
    unbegun->finish(ErrorKind::kClosed, cancelled_text(*unbegun));
  }

  void stop() override {
    std::deque<Job> unbegun;
    {
      std::lock_guard lock(changing_);
      stopped_ = true;
      for (const Job& job : submitted_) job->cancelled = true;
      unbegun.swap(waiting_);
    }
    moved_.notify_all();
    for (const Job& job : unbegun) job->finish(ErrorKind::kClosed, cancelled_text(*job));
    if (thread_.joinable()) thread_.join();
  }

 private:
  static std::string cancelled_text(const StreamJob& job) {
    return job.request.kernel->name + ": the dispatch was cancelled";
  }

  void run() {
    const Current current(*context_);
    std::unique_lock lock(changing_);
    for (;;) {
      if (may_submit()) {
        const Job job = std::move(waiting_.front());
        waiting_.pop_front();
        submitted_.push_back(job);
        lock.unlock();
        const bool good = submit(*job);
        lock.lock();
        // Taken out where it stands: those before it are under way.
        if (!good) submitted_.pop_back();
      } else if (!submitted_.empty()) {
        const Job job = submitted_.front();
        const std::size_t behind = submitted_.size() - 1;
        lock.unlock();
        end(*job, behind);
        lock.lock();
        submitted_.pop_front();
      } else if (stopped_) {
        return;
      } else {
        moved_.wait(lock);
      }
    }
  }

  bool may_submit() const {
    if (waiting_.empty()) return false;
    if (submitted_.empty()) return true;
    return submitted_.size() < kMostAhead && waiting_.front()->in_place() && submitted_.back()->in_place();
  }

  // False when the job has failed, and is finished.
  bool submit(StreamJob& job) {
    try {
      if (!lost_.empty()) throw Error(ErrorKind::kDeviceLost, text_of(job.request) + ": " + lost_);
      job.submit();
      return true;
    } catch (const Error& error) {
      fail(job, error);
    } catch (const std::bad_alloc&) {
      job.finish(ErrorKind::kOutOfMemory, job.request.kernel->name + ": no memory to start the dispatch");
    }
    return false;
  }

  void end(StreamJob& job, std::size_t behind) {
    try {
      job.await();
    } catch (const Error& error) {
      // A context keeps such an error, and does not say whose it was.
      const bool whose = error.kind() == ErrorKind::kDeviceLost && behind && lost_.empty();
      return fail(
          job, whose ? Error(error.kind(), std::string(error.what()) + " (by this dispatch or one of the " +
                                               std::to_string(behind) + " after it)")
                     : error);
    }
    log::debug({"ended"}, [&] {
      return text_of(job.request) + "; " + std::to_string(job.gpu_microseconds()) +
             " µs on the GPU, completed";
    });
    std::unique_lock lock(changing_);
    const bool cancelled = job.cancelled;
    lock.unlock();
    if (cancelled) {
      job.finish(ErrorKind::kClosed, cancelled_text(job));
    } else {
      job.finish(ErrorKind::kHandler, {});
    }
  }

  void fail(StreamJob& job, const Error& error) {
    if (error.kind() == ErrorKind::kDeviceLost && lost_.empty())
      lost_ = "the device was lost: " + std::string(error.what());
    job.finish(error.kind(), error.what());
  }

  const std::shared_ptr<const CudaContext> context_;
  std::unique_ptr<StreamParts> parts_;
  std::shared_ptr<PinnedPages> pages_;
  std::string lost_;  // the thread's own

  std::mutex changing_;  // of all that follows
  std::condition_variable moved_;
  std::deque<Job> waiting_;
  std::deque<Job> submitted_;  // oldest first
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Dispatcher> open_dispatcher(u32 workers) {
  if (workers) {
    throw Error(ErrorKind::kInvalidOption, "workers is " + std::to_string(workers) +
                                               "; backend 'cuda' has no choice of them: leave it out");
  }
  return std::make_unique<CudaDispatcher>(gpu());
}

}  // namespace ringway::cuda
