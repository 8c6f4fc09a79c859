#include "core/record/replay.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/runtime.h"
#include "core/user_kernel.h"

namespace ringway {
namespace {

constexpr std::size_t kMostWaiting = 1 << 16;  // requests
constexpr u32 kDrainEvery = 64;                // messages
constexpr double kNs = 1e9;

class Player {
 public:
  Player(const History& history, const ReplayOptions& options)
      : history_(history), options_(options), recording_(history.recording()) {}

  // What an exception leaves behind.
  ~Player() {
    if (!runtime_ || runtime_->closed()) return;
    give_back_all();
    try {
      runtime_->close();
    } catch (const Error&) {  // a handler does not return: said by the exception under way
      kernels_.clear();
    }
  }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  Played play() {
    start();
    for (std::size_t i = 0; i < recording_.size() && played_.stalled.empty(); ++i) step(i);
    if (played_.stalled.empty()) settle();
    drain();
    give_back_all();
    runtime_->stop_recording();
    played_.seconds = double(now_ns() - began_) / kNs;
    runtime_->close();
    return std::move(played_);
  }

 private:
  using Cell = Kernel::Cell;

  void start() {
    const RecordFields& recorded = history_.runtime();
    RuntimeOptions options;
    options.backend = options_.backend.empty() ? field_of(recorded, "backend") : options_.backend;
    options.workers = options_.workers ? options_.workers : u32(whole_of(recorded, "workers"));
    options.assist = false;
    runtime_ = Runtime::start(options);
    played_.backend = runtime_->backend_name();
    runtime_->start_recording(options_.record);
    began_ = last_progress_ = now_ns();
  }

  void step(std::size_t i) {
    const Record record = recording_[i];
    if (options_.speed > 0) pace(record.head.time_ns);
    switch (record.kind()) {
      case RecordKind::kLaunch: launch(record); break;
      case RecordKind::kLink: link(record); break;
      case RecordKind::kQueueOpen: open_queue(record); break;
      case RecordKind::kQueueClose: close_queue(record); break;
      case RecordKind::kEntered: feed(history_.entering(i)); break;
      case RecordKind::kQueueIn: feed_queue(recording_[history_.entering(i)]); break;
      case RecordKind::kState:
        if (history_.kernels().at(record.head.subject).ended_at == i) end(record.head.subject);
        break;
      default: break;
    }
  }

  void launch(const Record& record) {
    const RecordedKernel& recorded = history_.kernels().at(record.head.subject);
    LaunchSpec spec = recorded.spec;
    LaunchOptions& options = spec.options;
    options.policy = Backpressure::kBlock;
    options.ttl.reset();
    options.restart_backoff = 0;
    options.idle = Idle::kPark;
    options.telemetry = true;
    options.prefault = false;
    options.dead_letters = 0;
    options.device_polls = 0;
    if (!recorded.ordered) options.dedup = 0;
    ReplayOptions::Given given;
    if (is_program_s(recorded.fields) && options_.give) {
      RecordFields fields = recorded.fields;
      fields["backend"] = played_.backend;  // on which it is launched
      given = options_.give(fields);
    }
    if (given.kernel && given.kernel->may_wait()) options.worker = LaunchOptions::kAnyWorker;
    const bool elsewhere = played_.backend != field_of(history_.runtime(), "backend");
    if (elsewhere) options.bridge = BridgeKind::kAuto;
    if (elsewhere || options.worker >= std::int64_t(runtime_->backend().workers()))
      options.worker = LaunchOptions::kAnyWorker;
    auto kernel = given.kernel
                      ? runtime_->launch(given.kernel, given.state, spec.name, options, spec.grid, spec.block)
                      : runtime_->launch(spec.kernel, spec.name, options, spec.grid, spec.block);
    kernel->activate();
    played_.kernels[record.head.subject] = kernel->port().index;
    kernels_[record.head.subject] = std::move(kernel);
  }

  void link(const Record& record) {
    const RecordFields fields = decode_fields(record.data);
    runtime_->link(*kernels_.at(record.head.subject), *kernels_.at(u32(whole_of(fields, "target"))),
                   whole_of(fields, "capacity"), whole_of(fields, "slot_size"));
  }

  void open_queue(const Record& record) {
    NamedQueueOptions options = history_.queues().at(record.head.subject).options;
    options.policy = Backpressure::kBlock;
    auto queue = runtime_->open_queue(options);
    played_.queues[record.head.subject] = queue->number();
    queues_[record.head.subject] = std::move(queue);
  }

  void close_queue(const Record& record) {
    const auto queue = queues_.find(record.head.subject);
    if (queue == queues_.end()) return;
    drain_queue(*queue->second);
    queue->second->close(true);
    queues_.erase(queue);
  }

  void end(u32 number) {
    const auto kernel = kernels_.find(number);
    if (kernel == kernels_.end()) return;
    settle();
    drain();
    if (kernel->second->state() != State::kTerminated) kernel->second->terminate(false, {});
    kernels_.erase(kernel);
  }

  void feed(std::size_t number) {
    const Record record = recording_[number];
    const u32 index = history_.input_of(number);
    const RecordedInput& input = history_.inputs()[index];
    if (input.withheld) return;
    const auto found = kernels_.find(input.kernel);
    if (found == kernels_.end()) return refuse(index, "it had ended");
    Kernel& kernel = *found->second;
    Envelope envelope = record.envelope();
    envelope.ttl_10ms = 0;
    envelope.timestamp_us = unix_us();
    const auto body = record.body();
    try {
      if (until([&] { return put(kernel, envelope, body, input); })) played_.fed.push_back(index);
    } catch (const Error& error) {
      refuse(index, error.what());
    }
    if (++fed_ % kDrainEvery == 0) drain();
  }

  bool put(Kernel& kernel, const Envelope& envelope, std::span<const u8> body, const RecordedInput& input) {
    if (!input.asks) return kernel.try_send(envelope, body, "").has_value();
    if (waiting_.size() >= kMostWaiting) give_back_answered();
    if (waiting_.size() >= kMostWaiting) return false;
    Cell* const cell = kernel.try_ask(envelope, body, "");
    if (!cell) return false;
    runtime_->backend().notify(kernel.port());
    // Of a request that had no answer nobody waits for one.
    input.answer == kNoRecord ? runtime_->replies().give_back(cell) : waiting_.push_back(cell);
    return true;
  }

  void refuse(u32 index, const std::string& why) {
    played_.refused.push_back(index);
    played_.refusals.emplace(history_.inputs()[index].kernel, why);
  }

  void feed_queue(const Record& record) {
    const auto found = queues_.find(record.head.subject);
    const RecordedQueue& recorded = history_.queues().at(record.head.subject);
    if (found == queues_.end() || recorded.dropped.count(record.head.ticket)) return;
    const bool put = until([&] {
      const auto made = found->second->try_send({{record.data.data(), record.data.size()}});
      return made == NamedQueue::Offer::kSent;
    });
    if (put) played_.fed_to_queues[record.head.subject].push_back(record.head.ticket);
  }

  void drain_queue(NamedQueue& queue) {
    while (queue.try_receive(&scratch_)) moved_ = true;
  }

  void drain() {
    Message message;
    for (const auto& [number, kernel] : kernels_) {
      try {
        while (kernel->receive(&message, Wait{0})) moved_ = true;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::kClosed) throw;  // it has ended, and its last message was taken
      }
    }
    for (const auto& [number, queue] : queues_) drain_queue(*queue);
    give_back_answered();
  }

  void give_back_answered() {
    while (!waiting_.empty() && ReplyPool::answered(waiting_.front())) {
      runtime_->replies().give_back(waiting_.front());
      waiting_.pop_front();
      moved_ = true;
    }
  }

  void give_back_all() {
    for (Cell* cell : waiting_) runtime_->replies().give_back(cell);
    waiting_.clear();
  }

  u64 handled() const {
    u64 sum = 0;
    for (const auto& [number, kernel] : kernels_) {
      const ControlBlock control = kernel->telemetry().control;
      sum += control.received + control.sent + control.restarts;
    }
    return sum;
  }

  // Calls ready() until it returns true; meanwhile takes out what comes. False when nothing moves any more.
  template <class Ready>
  bool until(Ready ready) {
    if (!played_.stalled.empty()) return false;
    if (ready()) return true;
    last_progress_ = now_ns();
    u64 before = handled();
    for (u32 turn = 0;; ++turn) {
      drain();
      if (ready()) return true;
      if (options_.check) options_.check();
      const u64 now = handled();
      if (moved_ || now != before) last_progress_ = now_ns();
      moved_ = false;
      before = now;
      if (double(now_ns() - last_progress_) / kNs > options_.timeout) return stall();
      turn < 100 ? std::this_thread::yield() : std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  bool stall() {
    for (const auto& [number, kernel] : kernels_) {
      if (!kernel->idle()) played_.stalled += (played_.stalled.empty() ? "" : ", ") + kernel->name();
    }
    if (played_.stalled.empty()) played_.stalled = "a queue";
    return false;
  }

  bool all_idle() const {
    return std::all_of(kernels_.begin(), kernels_.end(),
                       [](const auto& entry) { return entry.second->idle(); });
  }

  // Until every kernel has handled what was put in, and what others sent it then.
  void settle() {
    u64 before = ~u64(0);
    until([&] {
      if (!all_idle()) return false;
      const u64 now = handled();
      return std::exchange(before, now) == now;
    });
  }

  void pace(u64 recorded_ns) {
    const auto due = began_ + static_cast<std::int64_t>(double(recorded_ns) / options_.speed);
    while (now_ns() < due) {
      drain();
      if (options_.check) options_.check();
      const std::int64_t left = std::max<std::int64_t>(due - now_ns(), 0);
      std::this_thread::sleep_for(std::chrono::nanoseconds(std::min<std::int64_t>(left, 5'000'000)));
    }
  }

  const History& history_;
  const ReplayOptions& options_;
  const Recording& recording_;
  Played played_;
  std::shared_ptr<Runtime> runtime_;
  std::map<u32, std::shared_ptr<Kernel>> kernels_;
  std::map<u32, std::shared_ptr<NamedQueue>> queues_;
  std::deque<Cell*> waiting_;
  std::vector<u8> scratch_;
  std::int64_t began_ = 0;
  std::int64_t last_progress_ = 0;
  u64 fed_ = 0;
  bool moved_ = false;
};

}  // namespace

Played replay(const History& history, const ReplayOptions& options) {
  return Player(history, options).play();
}

}  // namespace ringway
