// A set of kernels on one backend.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/feed.h"
#include "core/kernel.h"
#include "core/kernel_group.h"
#include "core/queue_table.h"
#include "core/record/recorder.h"
#include "core/registry.h"
#include "core/topic.h"

namespace ringway {

struct RuntimeOptions {
  std::string backend = "auto";
  u32 workers = 0;     // 0: the cores that the process may use
  bool assist = true;  // a caller that waits for an answer may run the kernel itself
  double watchdog =
      10;  // seconds after which a handler that has not returned is named and waited for no longer; 0 = off
  std::string name = {};  // for logs and exporters; empty: one is made
};

class Runtime : public std::enable_shared_from_this<Runtime> {
 public:
  static std::shared_ptr<Runtime> start(const RuntimeOptions& options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const std::string& name() const { return options_.name; }
  const std::string& backend_name() const { return backend_name_; }
  Backend& backend() { return *backend_; }
  const RuntimeOptions& options() const { return options_; }
  ReplyPool& replies() { return replies_; }
  Recorder& recorder() { return *recorder_; }
  // Until stop_recording() or close(), whichever comes first. Throws what Recorder::start() does.
  void start_recording(const RecordOptions& options);
  RecordReport stop_recording();

  // Begins to keep what kernels do, `events` of each kind on each worker; ends it. See Tracer.
  void start_trace(std::int64_t events);
  Tracer::Trace stop_trace() { return tracer_.stop(); }

  // An empty `name` makes one. The kernel is launched, not active. See LaunchSpec for grid and block.
  std::shared_ptr<Kernel> launch(const std::string& kernel, const std::string& name,
                                 const LaunchOptions& options, std::int64_t grid = 1, std::int64_t block = 1);
  // A kernel that the program brings, whose state begins with these bytes.
  std::shared_ptr<Kernel> launch(const std::shared_ptr<const UserKernel>& kernel,
                                 const std::vector<u8>& state, const std::string& name,
                                 const LaunchOptions& options, std::int64_t grid = 1, std::int64_t block = 1);
  std::shared_ptr<Kernel> find(const std::string& name);
  std::vector<std::shared_ptr<Kernel>> kernels();  // in order of launch
  // The next output of `from`, or the first whose receiver has been terminated, becomes the next input of `to`, one input
  // for each of its replicas; `body_size` 0 = 4096 bytes.
  // `check` is Wait's.
  void link(Kernel& from, Kernel& to, std::int64_t capacity, std::int64_t body_size,
            void (*check)() = nullptr);

  // A queue of this runtime, made by `make`; its name is no kernel's. An empty name makes one.
  std::shared_ptr<NamedQueue> open_queue(NamedQueueOptions options,
                                         const QueueTable::Make& make = make_named_queue);
  std::shared_ptr<NamedQueue> find_queue(const std::string& name);  // null: there is none
  std::vector<std::shared_ptr<NamedQueue>> queues();                // in order of creation
  // Moves messages between a queue, of this runtime or another, and a kernel of this runtime, until it is stopped, one of
  // both ends, or the runtime is closed.
  std::shared_ptr<Feed> feed(Feed::Direction direction, std::shared_ptr<NamedQueue> queue,
                             std::shared_ptr<Kernel> kernel, const BodyFields& fields);
  std::vector<std::shared_ptr<Feed>> feeds();
  // Hands what a queue, of this runtime or another, gets on to kernels of this runtime, until it is stopped, the queue ends,
  // or the runtime is closed.
  std::shared_ptr<Topic> topic(std::shared_ptr<NamedQueue> queue, const BodyFields& fields);
  std::vector<std::shared_ptr<Topic>> topics();
  void subscribe(Topic& topic, std::shared_ptr<Kernel> kernel);
  // Kernels of this runtime, each in no other group.
  std::shared_ptr<KernelGroup> group(GroupOptions options,
                                     const std::vector<std::shared_ptr<Kernel>>& members);
  std::vector<std::shared_ptr<KernelGroup>> groups();  // that have members left and are not dissolved
  std::vector<LinkTelemetry> link_telemetry();
  // Messages that were ever put into links to, and from, that kernel.
  struct LinkFlow {
    u64 in = 0, out = 0;
  };
  LinkFlow link_flow(const std::string& kernel);
  void reset_telemetry();  // of every kernel, link and queue

  // For an event loop; lives as long as the runtime.
  std::shared_ptr<CompletionPort> open_port();

  u64 add_buffer(u8* data, u64 bytes);
  // Once back, no handler uses the memory.
  // When it throws, one may: a handler that does not return, kTimeout, or that the runtime's end left behind, kClosed.
  void release_buffer(u64 handle, void (*check)() = nullptr);

  // The kernels in the order in which they ended.
  using CloseReport = std::vector<std::pair<std::string, TerminateReport>>;
  // Ends everything; waiting calls raise kClosed. A second call does nothing. With `drain` the kernels handle what is
  // left first, until `until` is over, those that send by links before those that they send to; what until.check throws
  // then leaves the runtime open, and kernels that have ended ended. When a handler does not return within the
  // watchdog's time it throws kTimeout, naming the kernel, and leaves that kernel's thread and the memory behind; so it
  // does when until.check throws then.
  CloseReport close(bool drain = false, const Wait& until = {});
  bool closed() const { return atomic::load_relaxed(&closed_) != 0; }
  // Throws kForked in a child process, kClosed after close().
  void check_usable() const;
  bool forked() const;

 private:
  friend class Kernel;
  // Throws kClosed once the runtime is closed.
  Exclusive::Held hold(Exclusive& kernel, void (*check)());
  // For a handler: without end, but for the runtime that was abandoned.
  Wait patient(void (*check)()) const { return {Wait::kForever, check, &abandoned_}; }
  CloseReport drain_all(const Wait& until);
  void end_all(void (*check)(), CloseReport* reports);
  void abandon();
  void check_open() const;
  // `spec` but for what the runtime decides: a unique name, index, sizes.
  std::shared_ptr<Kernel> launch(const KernelType& type, LaunchSpec spec);
  explicit Runtime(const RuntimeOptions& options);
  struct TimedLink {
    std::string source, target;
    u32 source_index, target_index;
    LinkSpec spec;
    std::vector<std::weak_ptr<const Queue>> queues;  // of each replica of the source; go with the kernels
    std::shared_ptr<SinceReset<LinkTelemetry>> since_reset;

    LinkTelemetry counted() const;  // since it was made
  };
  void forget(Kernel& kernel);
  void forget_all();
  void record_launch(const Kernel& kernel, bool earlier);
  void record_link(const TimedLink& link);
  void record_queue(const NamedQueue& queue, bool earlier);
  void record_idle();
  std::vector<TimedLink> links();
  u32 free_output(const std::string& kernel);

  const RuntimeOptions options_;
  const std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
  std::string backend_name_;
  ReplyPool replies_{recorder_.get()};
  BufferTable buffers_;
  Tracer tracer_;
  std::unique_ptr<Pump> pump_ = std::make_unique<Pump>();
  std::unique_ptr<Backend> backend_;
  QueueTable queues_;
  // Locks, taken in this order. Only the first two may be held while a handler returns or a kernel drains; their waiters
  // honour time-outs and Ctrl-C.
  //   closing_             one close at a time
  //   Kernel::changing_    one transition or link at a time for each kernel; of several kernels in order of launch
  //   changing_            launches, new queues and ports; no wait under it
  //   listing_             the lists; for no longer than a copy takes, so that telemetry waits for nothing
  Exclusive closing_;
  std::mutex changing_;
  std::map<std::string, std::shared_ptr<Kernel>> kernels_;  // changed under listing_, names added under both
  std::mutex listing_;
  std::vector<TimedLink> links_;
  std::vector<std::shared_ptr<CompletionPort>> ports_;
  std::vector<std::shared_ptr<Feed>> feeds_;
  std::vector<std::shared_ptr<Topic>> topics_;
  std::vector<std::shared_ptr<KernelGroup>> groups_;  // all: kernels point to them
  u32 next_index_ = 0;
  u32 next_queue_ = 0;
  u64 buffers_made_ = 0;
  u32 draining_ = 0;   // close() drains: nothing new comes
  u32 closed_ = 0;     // nothing goes on
  u32 abandoned_ = 0;  // nobody waits for handlers any more
  bool ended_ = false;
  const u32 process_;
};

}  // namespace ringway
