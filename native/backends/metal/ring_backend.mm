#include "backends/metal/ring_backend.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

#include "backends/metal/driver.h"
#include "backends/metal/sources.h"
#include "core/error.h"
#include "core/type_id.h"

namespace ringway::metal {
namespace {

constexpr u32 kPlaces = 64;
// Of one queue on the GPU. What has no place there waits in the staging ring.
constexpr u64 kQueueBytes = 1 << 20;

// Compiled once; never destroyed, because Metal's threads may outlive main().
Library& library() {
  static auto* const one = new Library(gpu(), "ring_kernels", source_of_ring_kernels, gpu().language,
                                       compiled_ring_kernels(gpu().language));
  return *one;
}

KernelSet& of(Port& port) {
  return static_cast<KernelSet&>(port);
}

// Slots on the GPU of a queue of so many.
u32 device_slots(u32 capacity, u32 stride) {
  const u64 fit = std::bit_floor(kQueueBytes / stride);
  return u32(std::min<u64>(capacity, std::max<u64>(fit, kMinCapacity)));
}

u64 queue_bytes(u32 capacity, u32 stride) {
  return sizeof(QueueHeader<DeviceAtomics>) + u64(capacity) * stride;
}

// In memory that is zero.
DeviceRing make_ring(u8* memory, u32 capacity, u32 stride) {
  auto* const header = reinterpret_cast<QueueHeader<DeviceAtomics>*>(memory);
  u8* const slots = reinterpret_cast<u8*>(header + 1);
  create<DeviceAtomics>(header, slots, capacity, stride, 0);
  return attach<DeviceAtomics>(header, slots);
}

}  // namespace

Replica::~Replica() {
  if (!block || unreported) return;  // then all of it is made zero
  for (SharedRing& lane : lanes) lane.clear();
  to_host.clear();
  std::memset(block.memory(), 0, head_bytes);
  block.set_zeroed();
}

namespace {

class Metal : public Backend {
 public:
  Metal(const HostServices& services, u32 workers)
      : services_(services), workers_(workers ? workers : kPlaces), driver_(services_, gpu(), library()) {}

  std::string device() const override { return description(gpu()); }
  u32 workers() const override { return workers_; }
  u64 idle_looks() const override { return driver_.idle_looks(); }
  std::vector<const KernelType*> kernels() const override { return entries(); }

  std::shared_ptr<Port> launch(const LaunchSpec& spec) override {
    check_spec(spec);
    const u32 room = spec.body_size + u32(sizeof(Envelope));
    const u32 stride = slot_stride_for(room, false);
    const u32 capacity = u32(spec.options.capacity), staging = u32(spec.options.staging_capacity);
    const u32 slots = device_slots(capacity, stride);
    QueueOptions to_host{.name = spec.name + " to host",
                         .capacity = capacity,
                         .max_message = room,
                         .type = {},
                         .prefault = spec.options.prefault};
    QueueOptions mailbox = to_host;
    mailbox.name = spec.name;
    mailbox.capacity =
        slots == capacity ? staging : std::min<u32>(std::bit_ceil(staging + capacity - slots), kMaxCapacity);
    mailbox.policy = spec.options.policy;
    auto set = std::make_shared<KernelSet>(mailbox, to_host, spec.options);
    set->index = spec.index;
    set->entry = find_entry(spec.kernel);
    set->pipeline = &library().pipeline(set->entry->function);
    set->services = &services_;
    set->driver = &driver_;
    set->name = spec.name;
    set->telemetry = spec.options.telemetry;
    set->controls.push_back(&set->told);
    set->unseen.push_back(&set->told_unseen);
    set->worker = spec.options.worker >= 0 ? u32(spec.options.worker) : spec.index % workers_;
    if (const u32 sample = u32(spec.options.latency_sample)) {
      set->mailbox.sample_latency(sample);
      for (std::size_t i = 0; i < std::size_t(spec.grid) * set->mailbox.lanes().size(); ++i)
        set->latency.push_back(set->timed.emplace_back(std::make_unique<Latency>(slots, sample)).get());
    }
    set->bridge = std::make_shared<Bridge>(services_.pump, services_.replies, set, set->copied, staging);
    driver_.still({}, [&] {
      for (std::int64_t i = 0; i < spec.grid; ++i) add_replica(*set, slots, stride);
      driver_.add(set);
    });
    return set;
  }

  // A replica of the sender has one queue, to one replica of the receiver.
  std::vector<std::shared_ptr<const Queue>> link(Port& from, Port& to, const LinkSpec& spec,
                                                 const Wait& until) override {
    driver_.settle(&of(from), until);
    driver_.settle(&of(to), until);
    std::vector<std::shared_ptr<const Queue>> queues;
    driver_.still(until, [&] {
      const auto& senders = of(from).replicas;
      const auto& receivers = of(to).replicas;
      for (std::size_t i = 0; i < senders.size(); ++i)
        queues.push_back(join(*senders[i], *receivers[i % receivers.size()], spec));
    });
    return queues;
  }

  void activate(Port& port) override { driver_.set_running(of(port), true); }
  void deactivate(Port& port) override { driver_.set_running(of(port), false); }

  bool has_input(Port& port, const Wait&) override {
    // Messages go from the staging ring to the GPU: in this order none is missed.
    const bool staged = port.bridge->staged();
    if (staged) port.bridge->wake();
    return driver_.has_input(of(port)) || staged;
  }

  u64 retire(Port& port, const Wait& until) override {
    const std::string why = "kernel '" + of(port).name + "' was terminated before it handled the message";
    port.bridge->shut();
    u64& left = of(port).discarded;
    if (!of(port).retired) {
      driver_.still(until, [&] {
        left += driver_.discard(of(port), LetterReason::kTerminated, why);
        driver_.remove(of(port));
      });
      of(port).retired = true;
    }
    return left += port.bridge->end(ErrorKind::kClosed, why);
  }

  void quiesce(const Port* port, const Wait& until) override {
    driver_.settle(static_cast<const KernelSet*>(port), until);
  }
  void stop() override { driver_.stop(); }
  void abandon() override { driver_.abandon(); }
  void notify(Port& port) override { port.bridge->wake(); }

 private:
  void check_spec(const LaunchSpec& spec) const {
    if (spec.options.bridge == BridgeKind::kDirect) {
      throw Error(ErrorKind::kInvalidOption, "bridge is 'direct'; a GPU shows the host what it wrote only at "
                                             "the end of a command buffer: choose "
                                             "'pumped' or 'auto'");
    }
    if (spec.options.device_polls && gpu().language < 320) {
      throw Error(ErrorKind::kInvalidOption,
                  "device_polls is " + std::to_string(spec.options.device_polls) + "; " + description(gpu()) +
                      ", has nothing that orders what a running kernel sees of the host's writes: launch "
                      "with 0 (messages go to the GPU with the next command buffer), or use macOS 15 or "
                      "later, whose version 3.2 has fences");
    }
    if (spec.grid < 1 || spec.grid > workers()) {
      throw Error(
          ErrorKind::kInvalidOption,
          "grid is " + std::to_string(spec.grid) +
              "; on Metal, where it is the number of replicas, it must be 1 to the runtime's number of "
              "workers, " +
              std::to_string(workers()) + " (Runtime(workers=...) sets it)");
    }
    if (spec.block != 1) {
      throw Error(
          ErrorKind::kInvalidOption,
          "block is " + std::to_string(spec.block) +
              "; on Metal it must be 1: the built-in handlers run on one thread; ask for replicas by grid "
              "instead");
    }
  }

  void add_replica(KernelSet& set, u32 slots, u32 stride) {
    auto replica = std::make_unique<Replica>(set);
    const u32 lanes = u32(set.mailbox.lanes().size());
    u64 end = 0;
    const auto reserve = [&end](u64 bytes) {
      return std::exchange(end, (end + bytes + kIndexLine - 1) / kIndexLine * kIndexLine);
    };
    const u64 control_at = reserve(sizeof(SliceControl));
    const u64 state_at = reserve(set.entry->state_size);
    const u32 dedup = u32(set.options.dedup);
    const u64 dedup_at = dedup ? reserve(dedup_bytes(dedup)) : 0;
    replica->head_bytes = u32(end);
    u64 lanes_at[kMailboxLanes];
    for (u32 lane = 0; lane < lanes; ++lane) lanes_at[lane] = reserve(queue_bytes(slots, stride));
    const u64 host_at = reserve(queue_bytes(slots, stride));
    replica->block = Block(driver_.arena(), end);
    const u64 begin = replica->block.offset();
    if (set.options.prefault) std::memset(replica->block.memory(), 0, end);
    auto* const control = driver_.arena()->as<SliceControl>(begin + control_at);
    control->at = begin;
    control->state = i64(state_at);
    control->state_bytes = set.entry->state_size;
    control->lanes = lanes;
    for (u32 lane = 0; lane < lanes; ++lane) {
      control->lane[lane] = i64(lanes_at[lane]);
      replica->lanes.push_back({make_ring(driver_.arena()->at(begin + lanes_at[lane]), slots, stride)});
    }
    replica->lane_tickets.resize(lanes);
    control->to_host = i64(host_at);
    replica->to_host.ring = make_ring(driver_.arena()->at(begin + host_at), slots, stride);
    control->host_capacity = slots;
    control->max_message = set.outbox.max_message();
    control->endpoint = set.index;
    control->emits = type_id_of(set.entry->type.emits);
    control->skips = set.options.on_error == OnError::kSkip;
    if (dedup) {
      std::random_device random;
      DedupIds ids;
      ids.create(driver_.arena()->at(begin + dedup_at), dedup, u64(random()) << 32 | random());
      control->dedup = i64(dedup_at);
    }
    u32 id[4];
    fresh_id(id);
    std::memcpy(control->id, id, sizeof(id));
    make_nowhere(*replica, stride);
    set.controls.push_back(&replica->control);
    set.unseen.push_back(&replica->unseen);
    set.replicas.push_back(std::move(replica));
  }

  // Room for whatever the handler may send after a message from a slot of that size.
  void make_nowhere(Replica& replica, u32 stride) {
    constexpr u32 kAnswers = 4096;  // larger than what any built-in handler answers of its own
    auto* const control = driver_.arena()->as<SliceControl>(replica.block.offset());
    const u32 bytes = stride + kAnswers;
    if (replica.nowhere && bytes <= control->nowhere_bytes) return;
    replica.nowhere = Block(driver_.arena(), bytes);
    control->nowhere = i64(replica.nowhere.offset()) - i64(replica.block.offset());
    control->nowhere_bytes = bytes;
  }

  std::shared_ptr<const Queue> join(Replica& from, Replica& to, const LinkSpec& spec) {
    auto link = std::make_shared<DeviceLink>(QueueOptions{.name = from.set.name + " to " + to.set.name,
                                                          .capacity = spec.capacity,
                                                          .max_message = spec.payload,
                                                          .type = {}});
    const u32 stride = link->shadow.ring().stride;
    link->block = Block(driver_.arena(), sizeof(SliceLink) + queue_bytes(spec.capacity, stride));
    auto* const head = driver_.arena()->as<SliceLink>(link->block.offset());
    head->max_message = link->shadow.max_message();
    make_ring(reinterpret_cast<u8*>(head + 1), spec.capacity, stride);
    make_nowhere(to, stride);
    link->from = &from;
    link->to = &to;
    auto outputs = from.outputs, inputs = to.inputs;
    if (spec.output < outputs.size()) {
      outputs[spec.output] = link;
    } else {
      outputs.push_back(link);
    }
    inputs.push_back(link);
    Block outputs_table = table_of(from, outputs), inputs_table = table_of(to, inputs);
    from.outputs = std::move(outputs);
    to.inputs = std::move(inputs);
    show(from, &from.outputs_table, std::move(outputs_table), from.outputs.size(), &SliceControl::outputs,
         &SliceControl::output_count);
    show(to, &to.inputs_table, std::move(inputs_table), to.inputs.size(), &SliceControl::inputs,
         &SliceControl::input_count);
    driver_.add(link);
    return {link, &link->shadow};
  }

  Block table_of(const Replica& replica, const std::vector<std::shared_ptr<DeviceLink>>& links) {
    Block block(driver_.arena(), links.size() * sizeof(i64));
    i64* offset = driver_.arena()->as<i64>(block.offset());
    for (const auto& link : links) *offset++ = i64(link->block.offset()) - i64(replica.block.offset());
    return block;
  }

  void show(Replica& replica, Block* old, Block table, std::size_t count, i64 SliceControl::* where,
            u32 SliceControl::* how_many) {
    auto* const control = driver_.arena()->as<SliceControl>(replica.block.offset());
    control->*where = i64(table.offset()) - i64(replica.block.offset());
    control->*how_many = u32(count);
    *old = std::move(table);
  }

  const HostServices services_;
  const u32 workers_;
  Driver driver_;
};

}  // namespace

std::unique_ptr<Backend> open_ring_backend(const HostServices& services, u32 workers) {
  return std::make_unique<Metal>(services, workers);
}

}  // namespace ringway::metal
