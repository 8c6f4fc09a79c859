#include "backends/cpu/backend.h"

#include <algorithm>
#include <set>

#include "backends/cpu/context.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/worker.h"
#include "core/cores.h"
#include "core/error.h"
#include "core/type_id.h"

namespace ringway::cpu {
namespace {

struct Locked {
  explicit Locked(Worker& held) : worker(held) { worker.lock(); }
  ~Locked() { worker.unlock(); }
  Worker& worker;
};

Instance& of(Port& port) {
  return static_cast<Instance&>(port);
}

class Cpu : public Backend {
 public:
  Cpu(const HostServices& services, u32 workers) : services_(services) {
    const u32 cores = usable_cores();
    const u32 count = workers ? workers : cores;
    const u32 spinners = std::max(1U, cores - 1);
    for (u32 i = 0; i < count; ++i) workers_.push_back(std::make_shared<Worker>(i, i < spinners));
    for (const auto& worker : workers_) worker->start();
  }

  ~Cpu() override {
    stop();
    for (const auto& kernel : kernels_) break_links(*kernel);
  }

  void stop() override {
    for (const auto& worker : workers_) worker->stop();
  }

  std::string device() const override { return std::to_string(usable_cores()) + " cores"; }
  u32 workers() const override { return u32(workers_.size()); }
  u64 idle_looks() const override {
    u64 sum = 0;
    for (const auto& worker : workers_) sum += worker->idle_loops();
    return sum;
  }
  std::vector<const KernelType*> kernels() const override { return entries(); }

  std::shared_ptr<Port> launch(const LaunchSpec& spec) override {
    const Entry* entry = find_entry(spec.kernel);
    const u32 room = spec.body_size + u32(sizeof(Envelope));
    const u32 capacity = u32(spec.options.capacity);
    const bool pumped = spec.options.bridge == BridgeKind::kPumped;
    const u32 staging = u32(spec.options.staging_capacity);
    auto kernel = std::make_shared<Instance>(
        QueueOptions{.name = spec.name,
                     .capacity = pumped ? staging : capacity,
                     .max_message = room,
                     .type = {},
                     .policy = spec.options.policy},
        QueueOptions{.name = spec.name + " to host", .capacity = capacity, .max_message = room, .type = {}});
    kernel->index = spec.index;
    kernel->entry = entry;
    kernel->services = &services_;
    kernel->name = spec.name;
    kernel->options = spec.options;
    kernel->emits = type_id_of(entry->type.emits);
    kernel->state = std::make_unique<u64[]>((entry->state_size + 7) / 8);
    const std::int64_t worker = spec.options.worker;
    kernel->home = workers_[worker >= 0 ? u32(worker) : next_worker_++ % u32(workers_.size())];
    if (pumped) {
      kernel->copied = std::make_unique<CopiedQueues>(
          *kernel, QueueOptions{.name = spec.name, .capacity = capacity, .max_message = room, .type = {}},
          QueueOptions{
              .name = spec.name + " to host", .capacity = capacity, .max_message = room, .type = {}});
      kernel->bridge =
          std::make_shared<Bridge>(services_.pump, services_.replies, kernel, *kernel->copied, staging);
    }
    Inlet mailbox;
    mailbox.drops_oldest = !pumped && spec.options.policy == Backpressure::kDropOldest;
    mailbox.drops_oldest ? mailbox.shared.open(kernel->mailbox.ring())
                         : mailbox.alone.open(kernel->in().ring());
    kernel->inputs.push_back(mailbox);
    Outlet host;
    host.producer.open(kernel->out().ring());
    kernel->outputs.push_back(host);
    kernel->worker = kernel->home->number();
    kernels_.insert(kernel);
    return kernel;
  }

  void link(Port& from, Port& to, const LinkSpec& spec) override {
    auto link = std::make_shared<Link>(QueueOptions{.name = of(from).name + " to " + of(to).name,
                                                    .capacity = spec.capacity,
                                                    .max_message = spec.payload,
                                                    .type = {}});
    link->from = std::static_pointer_cast<Instance>(from.shared_from_this());
    link->to = std::static_pointer_cast<Instance>(to.shared_from_this());
    Inlet input;
    input.link = link;
    input.alone.open(link->queue.ring());
    Outlet output;
    output.link = link;
    output.producer.open(link->queue.ring());
    output.elsewhere = of(from).home != of(to).home;
    {
      Locked held(*of(to).home);
      of(to).inputs.push_back(input);
    }
    Locked held(*of(from).home);
    of(from).outputs.push_back(output);
  }

  void activate(Port& port) override {
    Instance& kernel = of(port);
    Locked held(*kernel.home);
    if (kernel.running) return;
    kernel.running = true;
    ask_idle(kernel, true);
    // What comes later has a sender that schedules it.
    if (input_left(kernel)) kernel.home->schedule(kernel);
  }

  void deactivate(Port& port) override {
    Instance& kernel = of(port);
    Locked held(*kernel.home);
    if (!kernel.running) return;
    kernel.running = false;
    ask_idle(kernel, false);
  }

  bool drain(Port& port, const Wait& until) override {
    Instance& kernel = of(port);
    constexpr std::int64_t kPause = 50'000;
    const u32 never = 0;
    for (;;) {
      bool moved = kernel.bridge && kernel.bridge->turn();
      bool left = kernel.bridge && kernel.bridge->staged();
      {
        Locked held(*kernel.home);
        kernel.home->schedule(kernel);
        moved |= kernel.home->run_scheduled();
        left |= input_left(kernel);
      }
      if (!left) return true;
      if (until.over() || !kernel.running) return false;
      if (until.check) until.check();
      if (!moved) park(&never, 0, until.slice(kPause));
    }
  }

  u64 retire(Port& port) override {
    Instance& kernel = of(port);
    const std::string why = "kernel '" + kernel.name + "' was terminated before it handled the message";
    u64 left = 0;
    if (kernel.bridge) kernel.bridge->shut();
    {
      Locked held(*kernel.home);
      kernel.running = false;
      ask_idle(kernel, false);
      kernel.home->forget(kernel);
      left = Context(kernel, *kernel.home).discard(u32(ErrorKind::kClosed), why);
      for (const Inlet& input : kernel.inputs) {
        // SYNC: partner load_acquire in Context::without_room().
        if (input.link) atomic::store_release(&input.link->ended, 1U);
      }
      break_links(kernel);
    }
    if (kernel.bridge) left += kernel.bridge->end(ErrorKind::kClosed, why);
    kernels_.erase(std::static_pointer_cast<Instance>(port.shared_from_this()));
    return left;
  }

  void quiesce() override {
    for (const auto& worker : workers_) Locked held(*worker);
  }

  void notify(Port& port) override { port.bridge ? port.bridge->wake() : of(port).home->notify(of(port)); }

  bool assist(Port& port, bool (*done)(void*), void* arg) override {
    Instance& kernel = of(port);
    Worker& worker = *kernel.home;
    if (kernel.bridge || !worker.try_lock()) return false;
    worker.schedule(kernel);
    // Not longer, so that the caller looks at signals and at its deadline.
    constexpr std::int64_t kLongest = 10'000'000;
    const std::int64_t until = now_ns() + kLongest;
    while (worker.run_scheduled() && !done(arg) && now_ns() < until) {
    }
    worker.unlock();
    return true;
  }

 private:
  static void ask_idle(Instance& kernel, bool on) {
    if (kernel.asks_idle != on) kernel.home->ask_idle(kernel.options, on ? 1 : -1);
    kernel.asks_idle = on;
  }

  static void break_links(Instance& kernel) {
    kernel.inputs.clear();
    kernel.outputs.clear();
  }

  static bool input_left(Instance& kernel) {
    for (Inlet& input : kernel.inputs) {
      if (input.held().count) return true;
      if (input.link ? input.link->queue.counts().depth : kernel.in().counts().depth) return true;
    }
    return false;
  }

  const HostServices services_;
  std::vector<std::shared_ptr<Worker>> workers_;
  std::set<std::shared_ptr<Instance>> kernels_;
  u32 next_worker_ = 0;
};

}  // namespace

BackendEntry backend() {
  return {"cpu", "", [](const HostServices& services, u32 workers) -> std::unique_ptr<Backend> {
            return std::make_unique<Cpu>(services, workers);
          }};
}

}  // namespace ringway::cpu
