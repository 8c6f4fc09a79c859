#include "backends/cpu/backend.h"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <set>

#include "backends/cpu/context.h"
#include "backends/cpu/dispatcher.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/user_kernel.h"
#include "backends/cpu/watchdog.h"
#include "backends/cpu/worker.h"
#include "core/cores.h"
#include "core/error.h"
#include "core/log.h"
#include "core/type_id.h"

namespace ringway::cpu {
namespace {

// A link carries many times the messages of a mailbox, and a look at the clock costs as much as passing some on.
constexpr u32 kLinkSampleRatio = 16;

ReplicaSet& of(Port& port) {
  return static_cast<ReplicaSet&>(port);
}

class Cpu : public Backend {
 public:
  Cpu(const HostServices& services, u32 workers)
      : services_(services), patience_(static_cast<std::int64_t>(services.watchdog * 1e9)) {
    const u32 cores = usable_cores();
    const u32 count = workers ? workers : cores;
    const u32 spinners = std::max(1U, cores - 1);
    for (u32 i = 0; i < count; ++i) workers_.push_back(std::make_shared<Worker>(i, i < spinners));
    for (const auto& worker : workers_) worker->start();
    if (patience_) {
      watchdog_ = std::make_unique<Watchdog>(
          workers_, patience_, [this](u32 kernel, bool stuck) { tell_of_stuck(kernel, stuck); });
    }
  }

  ~Cpu() override {
    stop();
    for (const auto& kernel : kernels_) {
      for (const auto& replica : kernel->replicas) break_links(*replica);
    }
  }

  void abandon() override {
    if (watchdog_) watchdog_->stop();
    for (const auto& worker : all_workers()) worker->abandon();
  }

  void stop() override {
    if (watchdog_) watchdog_->stop();
    for (const auto& worker : all_workers()) worker->stop();
  }

  std::string device() const override { return std::to_string(usable_cores()) + " cores"; }
  u32 workers() const override { return u32(workers_.size()); }
  u64 idle_looks() const override {
    u64 sum = 0;
    for (const auto& worker : all_workers()) sum += worker->idle_loops();
    return sum;
  }
  std::vector<const KernelType*> kernels() const override { return entries(); }

  std::shared_ptr<Port> launch(const LaunchSpec& spec) override {
    check_shape(spec);
    const u32 room = spec.body_size + u32(sizeof(Envelope));
    const QueueOptions to_kernel{.name = spec.name,
                                 .capacity = u32(spec.options.capacity),
                                 .max_message = room,
                                 .type = {},
                                 .prefault = spec.options.prefault};
    QueueOptions to_host = to_kernel;
    to_host.name += " to host";
    const bool pumped = spec.options.bridge == BridgeKind::kPumped;
    const u32 staging = u32(spec.options.staging_capacity);
    QueueOptions mailbox = to_kernel;
    if (pumped) mailbox.capacity = staging;
    mailbox.policy = spec.options.policy;
    auto set = std::make_shared<ReplicaSet>(mailbox, to_host, spec.options);
    set->index = spec.index;
    if (spec.user) {
      set->own_entry = std::make_unique<const Entry>(entry_of(*spec.user));
      set->user = spec.user;
      set->threads = u32(spec.user->may_wait());
      set->keeps_to_its_thread = u32(spec.user->keeps_to_its_thread());
    }
    set->entry = spec.user ? set->own_entry.get() : find_entry(spec.kernel);
    set->services = &services_;
    set->name = spec.name;
    set->emits = type_id_of(set->entry->type.emits);
    set->telemetry = spec.options.telemetry;
    const u32 replicas = u32(spec.grid);
    const u32 first = spec.options.worker >= 0 ? u32(spec.options.worker) : next_worker_;
    if (spec.options.worker < 0 && !set->has_threads()) next_worker_ += replicas;
    if (pumped) {
      set->copied = std::make_unique<CopiedQueues>(*set, to_kernel, spec.options.lanes, to_host);
      set->bridge = std::make_shared<Bridge>(services_.pump, services_.replies, set, *set->copied, staging);
    }
    if (const u32 sample = u32(spec.options.latency_sample)) {
      set->mailbox.sample_latency(sample);
      if (pumped) set->copied->mailbox.sample_latency(sample);
      for (const Queue& lane : set->in()) set->latency.push_back(lane.latency());
    }
    const bool drops_oldest = !pumped && spec.options.policy == Backpressure::kDropOldest;
    const bool shared = replicas > 1 || drops_oldest;
    for (u32 i = 0; i < replicas; ++i) {
      Instance& replica = *set->replicas.emplace_back(std::make_unique<Instance>(*set, i));
      if (spec.user) replica.resident = spec.user->settle(spec, i);
      if (!set->has_threads()) replica.home.settle(workers_[(first + i) % workers()]);
      open(replica, shared);
    }
    const auto listed = [&] {
      std::lock_guard lock(listing_);
      return kernels_.insert(set).first;
    }();
    try {
      if (set->has_threads()) {
        NewThreads threads(*this);
        threads.start(*set);
        threads.settle(*set);
      }
    } catch (...) {
      std::lock_guard lock(listing_);
      kernels_.erase(listed);
      throw;
    }
    set->worker = set->replicas[0]->home->number();
    return set;
  }

  // Each replica of the sender has a queue of its own, which is one input of the receiver.
  std::vector<std::shared_ptr<const Queue>> link(Port& from, Port& to, const LinkSpec& spec,
                                                 const Wait& until) override {
    // A handler that keeps a worker is waited for here, before anything has changed.
    quiesce(&from, until);
    quiesce(&to, until);
    const u32 sample = kLinkSampleRatio * u32(of(to).options.latency_sample);
    std::vector<std::shared_ptr<const Queue>> queues;
    for (const auto& sender : of(from).replicas) {
      auto link = std::make_shared<Link>(QueueOptions{.name = of(from).name + " to " + of(to).name,
                                                      .capacity = spec.capacity,
                                                      .max_message = spec.payload,
                                                      .type = {}});
      link->from = {from.shared_from_this(), sender.get()};
      link->to = std::static_pointer_cast<ReplicaSet>(to.shared_from_this());
      if (sample) link->queue.sample_latency(sample);
      queues.emplace_back(link, &link->queue);
      Outlet output;
      output.link = link;
      if (sample) output.timed = 0;
      output.producer.open(link->queue.ring());
      for (const auto& receiver : of(to).replicas) {
        output.elsewhere |= sender->home.get() != receiver->home.get();
        Inlet input;
        input.link = link;
        input.is_shared = of(to).replicated();
        input.open(link->queue);
        const Locked held(*this, *receiver->home, {});
        receiver->inputs.push_back(input);
      }
      const Locked held(*this, *sender->home, {});
      if (spec.output < sender->outputs.size()) {
        sender->outputs[spec.output] = output;
      } else {
        sender->outputs.push_back(output);
      }
    }
    return queues;
  }

  void activate(Port& port) override {
    const std::lock_guard lock(of(port).switching);
    // SYNC: partner load_seq_cst in Kernel::entered(); a handler asks again under the lock only.
    atomic::exchange_seq_cst(&port.left, 0U);
    of(port).start();
  }

  void deactivate(Port& port) override {
    const std::lock_guard lock(of(port).switching);
    of(port).stop();
  }

  bool has_input(Port& port, const Wait& until) override {
    // Messages go from the staging ring to the kernel's mailbox: in this order none is missed.
    bool left = port.bridge && port.bridge->staged();
    if (left) port.bridge->wake();
    for (const auto& replica : of(port).replicas) {
      if (!lock(*replica->home, until)) return true;
      const Locked held(*replica->home);
      if (!input_left(*replica)) continue;
      replica->home->schedule(*replica);
      left = true;
    }
    return left;
  }

  u64 retire(Port& port, const Wait& until) override {
    const std::string why = "kernel '" + of(port).name + "' was terminated before it handled the message";
    if (port.bridge) port.bridge->shut();
    u64& left = of(port).discarded;
    for (const auto& replica : of(port).replicas) {
      const Locked held(*this, *replica->home, until);
      if (replica->retired) continue;
      replica->retired = true;
      replica->home->forget(*replica);
      left += Context(*replica, *replica->home).discard(LetterReason::kTerminated, ErrorKind::kClosed, why);
      break_links(*replica);
    }
    if (port.bridge) left += port.bridge->end(ErrorKind::kClosed, why);
    if (of(port).has_threads()) {
      for (const auto& replica : of(port).replicas) end_thread(*replica->home);
    }
    std::lock_guard lock(listing_);
    kernels_.erase(std::static_pointer_cast<ReplicaSet>(port.shared_from_this()));
    return left;
  }

  void quiesce(const Port* port, const Wait& until) override {
    if (!port) {
      for (const auto& worker : all_workers()) {
        // A handler in Python may let go of a buffer, which it uses through Python alone.
        if (handling_here().place != worker.get()) const Locked held(*this, *worker, until);
      }
      return;
    }
    for (const auto& replica : static_cast<const ReplicaSet*>(port)->replicas) {
      const Locked held(*this, *replica->home, until);
    }
  }

  bool runs_user_kernels() const override { return true; }
  bool has_groups() const override { return true; }
  bool replaces_kernels() const override { return true; }

  void look_at(Port& port, u32 replica, const Look& look, const Wait& until) override {
    const Instance& of_it = *of(port).replicas[replica];
    for (;;) {
      Worker& home = *of_it.home;
      if (!lock(home, until)) {
        throw Error(ErrorKind::kTimeout,
                    "kernel '" + name_of(home.beat().kernel) +
                        "' has not returned from its handler, between two turns of which the "
                        "state of '" +
                        of(port).name + "' is read");
      }
      const Locked held(home);
      if (of_it.home.get() == &home) return look(*of_it.resident);
    }
  }

  void replace(Port& port, Replacement* with, const Wait& until) override {
    ReplicaSet& set = of(port);
    const bool revives = atomic::load_relaxed(&set.failed) != 0;
    // Handlers that keep a worker are waited for here, before anything has changed.
    for (const auto& link : links_into(set)) {
      if (revives) at_home(*link->from, until, [] {});
    }
    NewThreads threads(*this);
    if (with->kernel->may_wait() && !set.has_threads()) {
      for (const auto& link : links_into(set)) {
        at_home(*link->from, until, [&] { mark_elsewhere(*link->from, link.get()); });
      }
      threads.start(set);
    }
    {
      std::vector<Worker*> homes;
      for (const auto& replica : set.replicas) homes.push_back(replica->home.get());
      // In one order for all, and each once.
      std::sort(homes.begin(), homes.end(),
                [](const Worker* a, const Worker* b) { return a->number() < b->number(); });
      homes.erase(std::unique(homes.begin(), homes.end()), homes.end());
      std::vector<std::unique_ptr<Locked>> held;
      for (Worker* home : homes) held.push_back(std::make_unique<Locked>(*this, *home, until));
      for (const auto& replica : set.replicas) {
        if (set.user->may_wait()) replica->replaced.reserve(replica->replaced.size() + 1);
      }
      set.swap(with, revives);
      threads.settle(set);
    }
    if (!revives) return;
    for (const auto& link : links_into(set)) at_home(*link->from, until, [&] { set.reopen(*link); });
  }

  void notify(Port& port) override { port.bridge ? port.bridge->wake() : of(port).notify(); }

  bool assist(Port& port, bool (*done)(void*), void* arg) override {
    ReplicaSet& set = of(port);
    if (port.bridge || atomic::load_relaxed(&set.keeps_to_its_thread)) return false;
    for (const auto& replica : set.replicas) {
      Worker& worker = *replica->home;
      if (!worker.try_lock()) continue;
      // It may have moved to a thread of its own, and another kernel taken its place: under this lock no more.
      if (replica->home.get() != &worker || (set.user && !set.user->may_run_here())) {
        worker.unlock();
        return false;
      }
      worker.schedule(*replica);
      // Not longer, so that the caller looks at signals and at its deadline.
      constexpr std::int64_t kLongest = 10'000'000;
      const std::int64_t until = now_ns() + kLongest;
      while (worker.run_scheduled() && !done(arg) && now_ns() < until) {
      }
      worker.unlock();
      return true;
    }
    return false;
  }

 private:
  // False when `until` is over; throws kTimeout when a handler does not let go of the worker.
  bool lock(Worker& worker, const Wait& until) const {
    if (worker.lock_for(patience_, until)) return true;
    if (until.over()) return false;
    throw Error(ErrorKind::kTimeout, held_by(worker));
  }

  struct Locked {
    explicit Locked(Worker& locked) : worker(locked) {}
    // Throws kClosed when `until` is over.
    Locked(const Cpu& cpu, Worker& to_lock, const Wait& until) : worker(to_lock) {
      if (cpu.lock(worker, until)) return;
      throw Error(ErrorKind::kClosed, "kernel '" + cpu.name_of(worker.beat().kernel) +
                                          "' is in its handler, and waited for no longer");
    }
    ~Locked() { worker.unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;
    Worker& worker;
  };

  std::string held_by(const Worker& worker) const {
    const std::string name = name_of(worker.beat().kernel);
    return "kernel '" + name + "' on worker " + std::to_string(worker.number()) +
           " has not returned from its handler for " + seconds() + " s (the runtime's watchdog)";
  }

  std::string seconds() const {
    char text[32];
    std::snprintf(text, sizeof(text), "%g", services_.watchdog);
    return text;
  }

  std::string name_of(u32 kernel) const {
    std::lock_guard lock(listing_);
    for (const auto& set : kernels_) {
      if (set->index == kernel) return set->name;
    }
    return "?";
  }

  void tell_of_stuck(u32 kernel, bool stuck) const {
    std::lock_guard lock(listing_);
    for (const auto& set : kernels_) {
      if (set->index != kernel) continue;
      atomic::store_relaxed(&set->stuck, u32(stuck));
      log::warning({stuck ? "stuck" : "returned", set->name, services_.runtime}, [&] {
        return "kernel '" + set->name + "' on worker " + std::to_string(atomic::load_relaxed(&set->worker)) +
               (stuck ? " has not returned from its handler for " + seconds() + " s"
                      : " has returned from its handler");
      });
    }
  }

  void check_shape(const LaunchSpec& spec) const {
    if (spec.options.device_polls) {
      throw Error(ErrorKind::kInvalidOption,
                  "device_polls is " + std::to_string(spec.options.device_polls) +
                      "; on the CPU it must be 0: its kernels see messages at once, and idle='spin' is what "
                      "keeps a worker looking");
    }
    if (spec.grid < 1 || spec.grid > workers()) {
      throw Error(ErrorKind::kInvalidOption, "grid is " + std::to_string(spec.grid) +
                                                 "; on the CPU, where it is the number of replicas, it must "
                                                 "be 1 to the runtime's number of workers, " +
                                                 std::to_string(workers()) +
                                                 " (Runtime(workers=...) sets it)");
    }
    if (spec.block != 1) {
      throw Error(ErrorKind::kInvalidOption,
                  "block is " + std::to_string(spec.block) +
                      "; on the CPU it must be 1: ask for replicas by grid instead");
    }
    if (spec.user && spec.user->may_wait() && spec.options.worker >= 0) {
      throw Error(ErrorKind::kInvalidOption,
                  "worker is " + std::to_string(spec.options.worker) + "; kernel '" + spec.kernel +
                      "' runs Python, on threads of its own; leave the option out");
    }
  }

  static void open(Instance& replica, bool shared_mailbox) {
    ReplicaSet& set = replica.set;
    replica.state = std::make_unique<u64[]>((set.entry->state_size + 7) / 8);
    for (const Queue& lane : set.in()) {
      Inlet& inlet = replica.lanes.emplace_back();
      inlet.is_shared = shared_mailbox;
      inlet.open(lane);
    }
    replica.host.producer.open(set.out().ring());
    set.controls.push_back(&replica.control);
    set.unseen.push_back(&replica.unseen);
    if (!set.user) return;
    const KernelType& type = set.user->type();
    for (const std::int64_t period : type.periods) replica.timers.push_back({period});
    replica.counts.named = std::make_unique<u64[]>(type.counters.size());
    set.counts.push_back(&replica.counts);
  }

  // A core is left to the callers, as it is by the pool. Under `listing_`.
  bool may_spin(const Instance& replica) const {
    const auto spin = [](const auto& worker) { return worker && worker->spins(); };
    const auto spinning = std::count_if(workers_.begin(), workers_.end(), spin) +
                          std::count_if(threads_.begin(), threads_.end(), spin);
    return replica.set.options.idle == Idle::kSpin &&
           u32(spinning) + replica.number < std::max(1U, usable_cores() - 1);
  }

  // A worker slot of its own for a replica, of a number behind those of the pool.
  std::shared_ptr<Worker> thread_for(Instance& replica) {
    std::lock_guard lock(listing_);
    const auto free = std::find(threads_.begin(), threads_.end(), nullptr);
    const auto number = workers() + u32(free - threads_.begin());
    auto made = std::make_shared<Worker>(number, may_spin(replica), [&replica] { replica.leave(); });
    free == threads_.end() ? threads_.push_back(made) : void(*free = made);
    return made;
  }

  // Threads for the replicas of a kernel; they end again unless they are settled.
  class NewThreads {
   public:
    explicit NewThreads(Cpu& cpu) : cpu_(cpu) {}
    ~NewThreads() {
      for (const auto& thread : threads_) cpu_.end_thread(*thread);
    }
    NewThreads(const NewThreads&) = delete;
    NewThreads& operator=(const NewThreads&) = delete;

    void start(const ReplicaSet& set) {
      for (const auto& replica : set.replicas) {
        threads_.reserve(threads_.size() + 1);
        threads_.push_back(cpu_.thread_for(*replica));
        threads_.back()->start();
        if (cpu_.watchdog_) cpu_.watchdog_->watch(threads_.back());
      }
    }
    // The caller holds the locks of the workers that the replicas leave, if any.
    void settle(ReplicaSet& set) {
      if (threads_.empty()) return;
      atomic::store_relaxed(&set.threads, 1U);
      for (std::size_t i = 0; i < threads_.size(); ++i) {
        Instance& replica = *set.replicas[i];
        if (Worker* const left = replica.home.get()) left->let_go(replica);
        for (Outlet& output : replica.outputs) output.elsewhere = true;
        replica.home.settle(std::move(threads_[i]));
        replica.home->notify(replica);
      }
      threads_.clear();
      atomic::store_relaxed(&set.worker, set.replicas[0]->home->number());
    }

   private:
    Cpu& cpu_;
    std::vector<std::shared_ptr<Worker>> threads_;
  };

  // Waits for it without a lock: the last that it does may need one of the program's.
  void end_thread(Worker& thread) {
    if (watchdog_) watchdog_->forget(thread);
    thread.stop();
    std::lock_guard lock(listing_);
    threads_[thread.number() - workers()] = nullptr;
  }

  // Calls `work` with the lock of the worker on which the replica lives.
  template <class Work>
  void at_home(const Instance& replica, const Wait& until, Work work) {
    for (;;) {
      Worker& home = *replica.home;
      const Locked held(*this, home, until);
      if (replica.home.get() == &home) return work();
    }
  }

  static std::vector<std::shared_ptr<Link>> links_into(const ReplicaSet& set) {
    std::vector<std::shared_ptr<Link>> all;
    for (const Inlet& input : set.replicas[0]->inputs) all.push_back(input.link);
    return all;
  }

  static void mark_elsewhere(Instance& from, const Link* link) {
    for (Outlet& output : from.outputs) output.elsewhere |= output.link.get() == link;
  }

  std::vector<std::shared_ptr<Worker>> all_workers() const {
    std::lock_guard lock(listing_);
    auto all = workers_;
    std::copy_if(threads_.begin(), threads_.end(), std::back_inserter(all),
                 [](const auto& t) { return t != nullptr; });
    return all;
  }

  static void break_links(Instance& kernel) {
    kernel.lanes.clear();
    kernel.inputs.clear();
    kernel.outputs.clear();
  }

  static bool input_left(Instance& kernel) {
    const auto holds = [](Inlet& input) { return input.held().count || input.queue->counts().depth; };
    return !kernel.unsent.empty() || std::any_of(kernel.lanes.begin(), kernel.lanes.end(), holds) ||
           std::any_of(kernel.inputs.begin(), kernel.inputs.end(), holds);
  }

  const HostServices services_;
  const std::int64_t patience_;  // ns that a handler may keep others waiting; 0 = no limit
  std::unique_ptr<Watchdog> watchdog_;
  mutable std::mutex listing_;  // of kernels_, which the watchdog reads, and threads_
  std::vector<std::shared_ptr<Worker>> workers_;
  std::vector<std::shared_ptr<Worker>> threads_;  // of kernels that may wait; null: a number that is free
  std::set<std::shared_ptr<ReplicaSet>> kernels_;
  u32 next_worker_ = 0;
};

}  // namespace

BackendEntry backend() {
  return {"cpu", "",
          [](const HostServices& services, u32 workers) -> std::unique_ptr<Backend> {
            return std::make_unique<Cpu>(services, workers);
          },
          &open_dispatcher};
}

}  // namespace ringway::cpu
