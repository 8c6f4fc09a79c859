// Dispatches go to the GPU in the order in which they were started.
//
// 1. start() puts a job at the end of the line. Jobs whose buffers are all in the pool and that wait at the same time
//    share a command buffer, an encoder each: Metal keeps encoders in order where they share buffers. Until the GPU is
//    busy nobody waits, so that a lone dispatch goes at once. A job with arrays from elsewhere waits for the one before,
//    and keeps the one behind waiting.
// 2. A command buffer of one job may be followed by a second while it runs, so that the GPU need not wait for the host.
//    Behind one of several nothing is committed: when one of them fails, those that Metal had not begun go again, alone,
//    before anything else. Its error is told to the one that failed.
// 3. How many share one is what takes the GPU some 20 ms, by the command buffer before: they end together, and the system
//    ends what keeps the GPU for too long. A job that its caller waits for is the last of its command buffer.
// 4. When a command buffer ends, Metal calls back on a thread of its own, which brings copies back, finishes the jobs and
//    commits what may go next.
// 5. What was committed cannot be called back: a cancelled job that is on the GPU ends first.
#include "backends/metal/dispatcher.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <new>

#include "backends/metal/copy_job.h"
#include "backends/metal/grid_job.h"
#include "backends/metal/reused_memory.h"
#include "core/log.h"

namespace ringway::metal {
namespace {

constexpr std::size_t kMostTogether = 64;  // jobs of a command buffer
constexpr double kTogether = 20e-3;        // seconds on the GPU that they may take by what the last ones took

using Job = std::shared_ptr<LineJob>;
// Jobs move from the line into command buffers without an allocation, which may fail where nobody can be told; their
// places are used again.
using Jobs = std::list<Job>;

class Line;
struct Batch final : CommandsListener {  // a command buffer
  explicit Batch(Line& of) : line(of) {}
  void ended(const Ended& how) override;

  Line& line;
  Jobs jobs;
  bool over = false;
  Ended how;
};

// Outlives its dispatcher where a callback still runs.
class Line : public std::enable_shared_from_this<Line> {
 public:
  explicit Line(const Gpu& gpu) : parts_(gpu) {
    for (int i = 0; i < 2; ++i) spare_.emplace_back(*this);
  }

  GridParts& parts() { return parts_; }

  void add(const Job& job) {
    std::unique_lock lock(changing_);
    if (stopped_) throw Error(ErrorKind::kClosed, "the device is closed");
    if (unused_.empty()) {
      waiting_.push_back(job);
    } else {
      unused_.front() = job;
      waiting_.splice(waiting_.end(), unused_, unused_.begin());
    }
    move_on(lock);
  }

  void cancel(LineJob& job) {
    std::unique_lock lock(changing_);
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const Job& other) { return other.get() == &job; });
    job.cancelled = true;
    if (found == waiting_.end()) return;
    const Job unbegun = *found;
    waiting_.erase(found);
    lock.unlock();
    close(*unbegun);
  }

  void stop() {
    std::unique_lock lock(changing_);
    stopped_ = true;
    for (const Batch& batch : committed_) {
      for (const Job& job : batch.jobs) job->cancelled = true;
    }
    Jobs unbegun;
    unbegun.swap(waiting_);
    lock.unlock();
    for (const Job& job : unbegun) close(*job);
    lock.lock();
    idle_.wait(lock, [&] { return committed_.empty() && !moving_; });
  }

 private:
  static void close(LineJob& job) {
    job.finish(ErrorKind::kClosed, job.request.kernel->name + ": the dispatch was cancelled");
  }

  // One thread at a time does what is to be done; others leave it to that one. `lock` is held at the call and at its end.
  void move_on(std::unique_lock<std::mutex>& lock) {
    if (moving_) return;
    moving_ = true;
    for (;;) {
      if (!committed_.empty() && committed_.front().over) {
        std::list<Batch> ended;
        ended.splice(ended.end(), committed_, committed_.begin());
        Batch& batch = ended.front();
        waiting_.splice(waiting_.begin(), take_not_run(batch));
        lock.unlock();
        finish(batch);
        for (Job& job : batch.jobs) job.reset();
        batch.how = {};
        batch.over = false;
        lock.lock();
        if (unused_.size() < ReusedMemory::kMostKept) unused_.splice(unused_.end(), batch.jobs);
        batch.jobs.clear();
        spare_.splice(spare_.end(), ended);
      } else if (may_commit()) {
        committed_.splice(committed_.end(), spare_, spare_.begin());
        Batch& batch = committed_.back();
        choose(batch);
        lock.unlock();
        commit(batch);
        lock.lock();
      } else {
        break;
      }
    }
    moving_ = false;
    idle_.notify_all();
  }

  bool may_commit() const {
    if (waiting_.empty() || spare_.empty()) return false;
    if (committed_.empty()) return true;
    const Batch& last = committed_.back();
    return last.jobs.size() == 1 && waiting_.front()->in_place() && last.jobs.back()->in_place();
  }

  void choose(Batch& batch) {
    do {
      batch.jobs.splice(batch.jobs.end(), waiting_, waiting_.begin());
    } while (batch.jobs.size() < together_ && !waiting_.empty() && may_share(*batch.jobs.back()) &&
             !batch.jobs.back()->awaited && may_share(*waiting_.front()));
  }
  static bool may_share(const LineJob& job) { return job.in_place() && !job.alone; }

  void commit(Batch& batch) {
    while (!batch.jobs.empty()) {
      auto at = batch.jobs.begin();  // who is to blame
      ErrorKind kind = ErrorKind::kOutOfMemory;
      std::string failure;
      try {
        Commands commands(parts_.queue.get(), parts_.label.get(), batch.jobs.size() > 1);
        for (auto next = at; next != batch.jobs.end(); ++next) (*(at = next))->encode(commands);
        commands.commit({shared_from_this(), &batch});
        return;
      } catch (const Error& error) {
        kind = error.kind();
        failure = error.what();
      } catch (const std::bad_alloc&) {
        failure = (*at)->request.kernel->name + ": no memory to encode the dispatch";
      }
      // Nothing was committed: the others are encoded anew without it.
      (*at)->settle(false);
      (*at)->finish(kind, failure);
      std::lock_guard lock(changing_);
      batch.jobs.erase(at);
    }
    std::lock_guard lock(changing_);
    batch.over = true;
  }

  friend Batch;
  // By a thread of Metal's.
  void end(Batch& batch, const Ended& ended) {
    std::unique_lock lock(changing_);
    batch.how = ended;
    batch.over = true;
    const std::size_t jobs = batch.jobs.size();
    std::size_t i = 0;
    for (const Job& job : batch.jobs) {
      const bool known = ended.encoders.size() == jobs;
      job->end = ended.failure.empty() ? EncoderEnd::kDone
                 : jobs == 1           ? EncoderEnd::kFaulted
                 : known               ? ended.encoders[i]
                                       : EncoderEnd::kUnknown;
      ++i;
    }
    const double each = ended.gpu_seconds / double(jobs);
    together_ = std::size_t(std::clamp(kTogether / std::max(each, 1e-9), 1.0, double(kMostTogether)));
    move_on(lock);
  }

  // Those of a failed command buffer that go again.
  static Jobs take_not_run(Batch& batch) {
    Jobs again;
    for (auto at = batch.jobs.begin(); at != batch.jobs.end();) {
      const auto job = at++;
      if ((*job)->end != EncoderEnd::kNotRun || (*job)->cancelled) continue;
      (*job)->alone = true;
      again.splice(again.end(), batch.jobs, job);
    }
    return again;
  }

  static void finish(const Batch& batch) {
    for (const Job& job : batch.jobs) {
      const Ended& ended = batch.how;
      const bool good = job->end == EncoderEnd::kDone;
      job->settle(good);
      log::debug({"ended"}, [&] {
        return text_of(job->request) + "; " + std::to_string(ended.gpu_seconds * 1e6) + " µs on the GPU, " +
               (batch.jobs.size() > 1 ? "with others, " : "") + (good ? "completed" : "failed");
      });
      if (job->end == EncoderEnd::kFaulted) {
        job->finish(ended.kind, text_of(job->request) + ": " + ended.failure);
      } else if (job->end == EncoderEnd::kUnknown) {
        job->finish(ended.kind, text_of(job->request) +
                                    ": the command buffer failed, and Metal does not say how far this "
                                    "dispatch of it had come; " +
                                    ended.failure);
      } else if (job->cancelled) {
        close(*job);
      } else {
        job->finish(ErrorKind::kHandler, {});
      }
    }
  }

  GridParts parts_;
  std::mutex changing_;
  std::condition_variable idle_;
  Jobs waiting_;
  Jobs unused_;  // null
  std::list<Batch> committed_, spare_;
  std::size_t together_ = kMostTogether;
  bool moving_ = false;
  bool stopped_ = false;
};

void Batch::ended(const Ended& ended) {
  line.end(*this, ended);
}

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

  std::shared_ptr<DispatchJob> start(const DispatchRequest& request, bool awaited) override {
    const AutoreleaseScope scope;
    const auto job = std::allocate_shared<GridJob>(ReusingAllocator<GridJob>(job_memory_), request,
                                                   line_->parts(), awaited);
    line_->add(job);
    return job;
  }
  std::shared_ptr<u8> take_private(u64 bytes) override {
    const AutoreleaseScope scope;
    const auto pages = line_->parts().pages;
    u8* const memory = pages->map_private(bytes);
    const std::shared_ptr<u8> taken(memory, [pages](u8* going) { pages->unmap_private(going); });
    // What is started later comes behind it.
    line_->add(std::make_shared<CopyJob>(line_->parts(), memory, nullptr, std::max<u64>(bytes, 1)));
    return taken;
  }
  std::shared_ptr<DispatchJob> start_copy(u8* to, const u8* from, u64 bytes) override {
    const AutoreleaseScope scope;
    const auto job = std::make_shared<CopyJob>(line_->parts(), to, from, bytes);
    line_->add(job);
    return job;
  }
  void cancel(DispatchJob& job) override { line_->cancel(static_cast<LineJob&>(job)); }
  void stop() override { line_->stop(); }

 private:
  const std::shared_ptr<Line> line_;
  const std::shared_ptr<ReusedMemory> job_memory_ = std::make_shared<ReusedMemory>();
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
