#include "core/runtime.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/log.h"
#include "core/process.h"
#include "core/user_kernel.h"

namespace ringway {
namespace {

constexpr u32 kUndeclaredBody = 4096;

RuntimeOptions named(RuntimeOptions options) {
  static u64 next_number = 0;
  // Relaxed: only unique.
  const u64 number = atomic::add_relaxed(&next_number, u64(1));
  if (options.name.empty()) options.name = "runtime-" + std::to_string(number);
  return options;
}

// What is done, out of the list. It may hold the last of a kernel, and with it what takes the interpreter's lock to go,
// whose holder may wait for the runtime's.
template <class Each>
std::vector<Each> take_done(std::vector<Each>* all) {
  const auto done = std::stable_partition(all->begin(), all->end(), [](const Each& e) { return !e->done(); });
  std::vector<Each> taken(std::make_move_iterator(done), std::make_move_iterator(all->end()));
  all->erase(done, all->end());
  return taken;
}

}  // namespace

Runtime::Runtime(const RuntimeOptions& options) : options_(named(options)), process_(process_number()) {}

std::shared_ptr<Runtime> Runtime::start(const RuntimeOptions& options) {
  constexpr u32 kMostWorkers = 1024;
  if (options.workers > kMostWorkers) {
    throw Error(ErrorKind::kInvalidOption, "workers is " + std::to_string(options.workers) +
                                               "; it must be 1 to " + std::to_string(kMostWorkers));
  }
  constexpr double kLongestWatchdog = 86'400;
  if (!(options.watchdog >= 0 && options.watchdog <= kLongestWatchdog)) {
    throw Error(ErrorKind::kInvalidOption,
                "watchdog is " + std::to_string(options.watchdog) + "; it must be 0 (off) to 86400 seconds");
  }
  const BackendEntry entry = choose_backend(options.backend, BackendLevel::kRingKernels);
  std::shared_ptr<Runtime> runtime(new Runtime(options));
  runtime->backend_name_ = entry.name;
  runtime->backend_ = entry.make({runtime->replies_, runtime->buffers_, *runtime->pump_, runtime->tracer_,
                                  options.watchdog, runtime->name()},
                                 options.workers);
  log::info({"started", {}, runtime->name()}, [&] {
    return "runtime on " + entry.name + ": " + runtime->backend_->device() + ", " +
           std::to_string(runtime->backend_->workers()) + " workers";
  });
  return runtime;
}

Runtime::~Runtime() {
  // A forked child has none of the threads that the destructor would wait for.
  if (forked()) {
    (void)backend_.release();
    (void)pump_.release();
  } else {
    pump_->stop();
  }
}

bool Runtime::forked() const {
  return process_number() != process_;
}

void Runtime::check_usable() const {
  if (forked()) {
    throw Error(
        ErrorKind::kForked,
        "this runtime was started before fork(); its threads are not in the child process: start a new "
        "Runtime there, or use multiprocessing's 'spawn' method");
  }
  if (closed()) throw Error(ErrorKind::kClosed, "the runtime is closed");
}

void Runtime::check_open() const {
  check_usable();
  if (atomic::load_relaxed(&draining_)) throw Error(ErrorKind::kClosed, "the runtime is closing");
}

Exclusive::Held Runtime::hold(Exclusive& kernel, void (*check)()) {
  auto held = kernel.hold(patient(check));
  if (!held) throw Error(ErrorKind::kClosed, "the runtime is closed");
  check_usable();
  return held;
}

std::shared_ptr<Kernel> Runtime::launch(const std::string& kernel, const std::string& name,
                                        const LaunchOptions& options, std::int64_t grid, std::int64_t block) {
  check_usable();
  check(options, backend_->workers());
  const auto types = backend_->kernels();
  const auto type =
      std::find_if(types.begin(), types.end(), [&](const auto* t) { return t->name == kernel; });
  if (type == types.end()) {
    std::string names;
    for (const auto* known : types) names += (names.empty() ? "" : ", ") + known->name;
    throw Error(ErrorKind::kNotFound,
                "backend '" + backend_name_ + "' has no kernel '" + kernel + "'; kernels: " + names);
  }
  return launch(**type, {.kernel = kernel, .name = name, .options = options, .grid = grid, .block = block});
}

std::shared_ptr<Kernel> Runtime::launch(const std::shared_ptr<const UserKernel>& kernel,
                                        const std::vector<u8>& state, const std::string& name,
                                        const LaunchOptions& options, std::int64_t grid, std::int64_t block) {
  check_usable();
  check(options, backend_->workers());
  const KernelType& type = kernel->type();
  if (!backend_->runs_user_kernels()) {
    throw Error(ErrorKind::kInvalidOption, "backend '" + backend_name_ +
                                               "' runs no kernels of a program's own, such as '" + type.name +
                                               "'; use Runtime(backend=\"cpu\")");
  }
  const LaunchSpec spec{.kernel = type.name,
                        .name = name,
                        .options = options,
                        .grid = grid,
                        .block = block,
                        .user = kernel,
                        .state = state};
  kernel->check(spec);
  return launch(type, spec);
}

std::shared_ptr<Kernel> Runtime::launch(const KernelType& type, LaunchSpec spec) {
  const LaunchOptions& options = spec.options;
  std::lock_guard lock(changing_);
  check_open();
  const u32 index = next_index_++;
  std::string unique = spec.name;
  if (unique.empty()) unique = type.name + "-" + std::to_string(index);
  if (std::lock_guard list(listing_); kernels_.count(unique)) {
    throw Error(
        ErrorKind::kInvalidOption,
        "a kernel named '" + unique + "' is already launched; terminate it first or choose another name");
  }
  if (queues_.find(unique)) {
    throw Error(ErrorKind::kInvalidOption,
                "a queue named '" + unique + "' is there already; close it first or choose another name");
  }
  // A fifth of headroom: what a kernel takes and answers varies in length.
  const u32 sized = type.body_size;
  const u32 declared = sized ? sized + sized / 5 : kUndeclaredBody;
  const u32 body = options.slot_size == LaunchOptions::kAutoSlot ? declared : u32(options.slot_size);
  spec.name = unique;
  spec.index = index;
  spec.body_size = body;
  auto launched = std::make_shared<Kernel>(shared_from_this(), type, unique, spec, backend_->launch(spec));
  if (recorder_->on()) record_launch(*launched, false);
  {
    std::lock_guard list(listing_);
    kernels_.emplace(unique, launched);
  }
  tracer_.launched(index, unique);
  log::debug({"launched", unique, this->name()}, [&] {
    return "launched kernel '" + unique + "' (" + type.name + "): " + std::to_string(options.capacity) +
           " slots of " + std::to_string(body) + " bytes";
  });
  return launched;
}

std::shared_ptr<Kernel> Runtime::find(const std::string& name) {
  std::lock_guard lock(listing_);
  const auto found = kernels_.find(name);
  if (found != kernels_.end()) return found->second;
  throw Error(ErrorKind::kNotFound, "there is no kernel named '" + name + "' in this runtime");
}

std::vector<std::shared_ptr<Kernel>> Runtime::kernels() {
  std::lock_guard lock(listing_);
  std::vector<std::shared_ptr<Kernel>> all;
  for (const auto& [name, kernel] : kernels_) all.push_back(kernel);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->port().index < b->port().index; });
  return all;
}

void Runtime::link(Kernel& from, Kernel& to, std::int64_t capacity, std::int64_t body_size, void (*check)()) {
  check_usable();
  if (&from.runtime() != this || &to.runtime() != this) {
    throw Error(ErrorKind::kInvalidOption, "link: both kernels must belong to this runtime");
  }
  check_link(capacity, body_size);
  from.check_elsewhere("link");
  to.check_elsewhere("link");
  const auto check_ends = [&] {
    from.check_usable();
    to.check_usable();
  };
  check_ends();  // one that drains is not waited for
  // In order of launch, so that two links do not wait for each other.
  const bool forwards = from.port().index < to.port().index;
  std::vector<Exclusive::Held> held;
  held.push_back(hold((forwards ? from : to).changing_, check));
  if (&from != &to) held.push_back(hold((forwards ? to : from).changing_, check));
  check_open();
  check_ends();
  const u32 payload = body_size ? u32(body_size) : kUndeclaredBody;
  const LinkSpec spec{u32(capacity), payload, free_output(from.name())};
  const auto queues = backend_->link(from.port(), to.port(), spec, patient(check));
  {
    std::lock_guard list(listing_);
    links_.push_back({from.name(),
                      to.name(),
                      from.port().index,
                      to.port().index,
                      spec,
                      {queues.begin(), queues.end()},
                      std::make_shared<SinceReset<LinkTelemetry>>()});
    if (recorder_->on()) record_link(links_.back());
  }
  log::debug({"linked", to.name(), name()}, [&] {
    return "link from '" + from.name() + "' to '" + to.name() + "': " + std::to_string(capacity) +
           " slots of " + std::to_string(payload) + " bytes";
  });
}

u32 Runtime::free_output(const std::string& kernel) {
  const auto made = links();
  u32 output = 0;
  while (std::any_of(made.begin(), made.end(), [&](const TimedLink& link) {
    return link.source == kernel && link.spec.output == output;
  })) {
    ++output;
  }
  return output;
}

std::shared_ptr<NamedQueue> Runtime::open_queue(NamedQueueOptions options, const QueueTable::Make& make) {
  check_usable();
  std::lock_guard lock(changing_);
  check_open();
  auto queue = queues_.open(
      std::move(options),
      [this](const std::string& name) {
        std::lock_guard list(listing_);
        return kernels_.count(name) != 0;
      },
      make);
  // What other processes send and receive would not be in a recording.
  if (queue->is_shared()) return queue;
  queue->record_to(recorder_, next_queue_++);
  if (recorder_->on()) record_queue(*queue, false);
  return queue;
}

std::shared_ptr<NamedQueue> Runtime::find_queue(const std::string& name) {
  check_usable();
  return queues_.find(name);
}

std::vector<std::shared_ptr<NamedQueue>> Runtime::queues() {
  return queues_.all();
}

std::shared_ptr<Feed> Runtime::feed(Feed::Direction direction, std::shared_ptr<NamedQueue> queue,
                                    std::shared_ptr<Kernel> kernel, const BodyFields& fields) {
  if (&kernel->runtime() != this) {
    throw Error(ErrorKind::kInvalidOption, "kernel '" + kernel->name() + "' must belong to this runtime");
  }
  std::vector<std::shared_ptr<Feed>> ended;  // goes after the locks
  std::lock_guard lock(changing_);
  check_open();
  kernel->check_usable();
  std::lock_guard list(listing_);
  ended = take_done(&feeds_);
  return feeds_.emplace_back(std::make_shared<Feed>(direction, std::move(queue), std::move(kernel), fields));
}

std::vector<std::shared_ptr<Feed>> Runtime::feeds() {
  std::lock_guard list(listing_);
  return feeds_;
}

std::shared_ptr<Topic> Runtime::topic(std::shared_ptr<NamedQueue> queue, const BodyFields& fields) {
  check_usable();
  std::vector<std::shared_ptr<Topic>> ended;  // as above
  std::lock_guard lock(changing_);
  check_open();
  std::lock_guard list(listing_);
  ended = take_done(&topics_);
  return topics_.emplace_back(std::make_shared<Topic>(std::move(queue), fields));
}

std::vector<std::shared_ptr<Topic>> Runtime::topics() {
  std::lock_guard list(listing_);
  return topics_;
}

void Runtime::subscribe(Topic& topic, std::shared_ptr<Kernel> kernel) {
  if (&kernel->runtime() != this) {
    throw Error(ErrorKind::kInvalidOption, "kernel '" + kernel->name() + "' must belong to this runtime");
  }
  std::lock_guard lock(changing_);
  check_open();
  kernel->check_usable();
  topic.subscribe(std::move(kernel));
}

std::shared_ptr<CompletionPort> Runtime::open_port() {
  check_usable();
  std::lock_guard lock(changing_);
  return ports_.emplace_back(std::make_shared<CompletionPort>());
}

u64 Runtime::add_buffer(u8* data, u64 bytes) {
  check_usable();
  const u64 made = atomic::add_relaxed(&buffers_made_, u64(1)) + 1;
  if (recorder_->on()) recorder_->put(RecordKind::kBuffers, 0, made, 0, {});
  return buffers_.add(data, bytes);
}

void Runtime::release_buffer(u64 handle, void (*check)()) {
  if (forked()) return;
  buffers_.remove(handle);
  backend_->quiesce(nullptr, patient(check));
}

void Runtime::start_trace(std::int64_t events) {
  check_usable();
  constexpr std::int64_t kMostEvents = 16'777'216;
  if (events < 1 || events > kMostEvents) {
    throw Error(ErrorKind::kInvalidOption,
                "events is " + std::to_string(events) + "; it must be 1 to " + std::to_string(kMostEvents));
  }
  const std::lock_guard lock(changing_);
  Tracer::Names names;
  for (const auto& kernel : kernels()) names[kernel->port().index] = kernel->name();
  tracer_.start(backend_->workers(), u32(events), std::move(names));
}

void Runtime::forget(Kernel& kernel) {
  std::lock_guard lock(listing_);
  const std::string& name = kernel.name();
  std::erase_if(links_, [&](const TimedLink& link) { return link.source == name || link.target == name; });
  kernels_.erase(name);
}

std::vector<Runtime::TimedLink> Runtime::links() {
  std::lock_guard lock(listing_);
  return links_;
}

LinkTelemetry Runtime::TimedLink::counted() const {
  LinkTelemetry sum{source, target, spec.output, 0, 0, 0, {}};
  for (const auto& weak : queues) {
    const auto queue = weak.lock();
    if (!queue) continue;
    const QueueCounts counts = queue->counts();
    sum.capacity += queue->ring().capacity;
    sum.depth += counts.depth;
    sum.received += counts.taken;
    sum.latency += snapshot(queue->latency());
  }
  return sum;
}

std::vector<LinkTelemetry> Runtime::link_telemetry() {
  std::vector<LinkTelemetry> all;
  for (const TimedLink& link : links()) all.push_back(link.since_reset->since(link.counted()));
  return all;
}

Runtime::LinkFlow Runtime::link_flow(const std::string& kernel) {
  LinkFlow flow;
  for (const TimedLink& link : links()) {
    if (link.target != kernel && link.source != kernel) continue;
    const LinkTelemetry now = link.counted();
    if (link.target == kernel) flow.in += now.received + now.depth;
    if (link.source == kernel) flow.out += now.received + now.depth;
  }
  return flow;
}

void Runtime::reset_telemetry() {
  for (const auto& kernel : kernels()) kernel->reset_telemetry();
  for (const TimedLink& link : links()) link.since_reset->reset(link.counted());
  for (const auto& queue : queues()) queue->reset_telemetry();
}

}  // namespace ringway
