#include "backends/metal/ring_backend.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "backends/metal/driver.h"
#include "backends/metal/ring_bindings.h"
#include "backends/metal/sources.h"
#include "backends/metal/user_library.h"
#include "core/error.h"
#include "ringway/unsent.h"

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

}  // namespace

Replica::~Replica() {
  if (!block || unreported) return;  // then all of it is made zero
  for (SharedRing& lane : lanes) lane.clear();
  to_host.clear();
  std::memset(block.memory(), 0, head_bytes);
  block.set_zeroed();
}

void KernelSet::moved(bool hurries) {
  driver->wake(hurries);
}

bool KernelSet::tells_slices() {
  // A message may name a buffer that a command buffer under way does not know: then it goes with the next one.
  return options.device_polls && driver->knows_all_buffers();
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
    const SlicedSizes sizes(spec, kQueueBytes);
    const auto set = spec.user ? user_kernel(spec, sizes) : built_in(spec, sizes);
    set->driver = &driver_;
    set->bridge = std::make_shared<Bridge>(services_.pump, services_.replies, set, set->copied,
                                           u32(spec.options.staging_capacity));
    check_ring_kernel(*set->pipeline);
    driver_.check();
    driver_.still({}, [&] {
      for (std::int64_t i = 0; i < spec.grid; ++i) add_replica(*set, sizes.slots, sizes.stride);
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
  bool runs_user_kernels() const override { return true; }

  void look_at(Port& port, u32 replica, const Look& look, const Wait& until) override {
    std::vector<u8> state(of(port).state_size);
    const auto copy = [&] {
      const u64 control = of(port).replicas[replica]->block.offset();
      const u8* const from =
          driver_.arena()->at(control + u64(driver_.arena()->as<SliceControl>(control)->state));
      std::memcpy(state.data(), from, state.size());
    };
    try {
      driver_.still(until, copy);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kClosed) throw;
      throw Error(ErrorKind::kTimeout, "no end of a slice, between two of which the state of '" +
                                           of(port).name + "' is read: " + error.what());
    }
    CompiledResident resident(*of(port).user, state);
    look(resident);
  }
  void abandon() override { driver_.abandon(); }
  void notify(Port& port) override { port.bridge->wake(); }

 private:
  std::shared_ptr<KernelSet> built_in(const LaunchSpec& spec, const SlicedSizes& sizes) {
    const RingEntry& entry = *find_entry(spec.kernel);
    auto set = std::make_shared<KernelSet>(spec, sizes, entry.type, services_, workers_);
    set->pipeline = &library().pipeline(entry.function);
    set->state_size = entry.state_size;
    return set;
  }

  std::shared_ptr<KernelSet> user_kernel(const LaunchSpec& spec, const SlicedSizes& sizes) {
    const PortableKernel& kernel = portable(spec, "metal");
    auto set = std::make_shared<KernelSet>(spec, sizes, kernel.type(), services_, workers_);
    set->pipeline = &pipeline_of(kernel);
    set->state_size = kernel.state_bytes();
    set->first_state = spec.state;
    return set;
  }

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
    check_shape(spec, workers(), "Metal");
  }

  void add_replica(KernelSet& set, u32 slots, u32 stride) {
    auto replica = std::make_unique<Replica>(set);
    const u32 lanes = u32(set.mailbox.lanes().size());
    u64 end = 0;
    const auto reserve = [&end](u64 bytes) {
      return std::exchange(end, (end + bytes + kIndexLine - 1) / kIndexLine * kIndexLine);
    };
    const u64 control_at = reserve(sizeof(SliceControl));
    const u64 state_at = reserve(set.state_size);
    const u64 first_state_at = set.user ? reserve(set.state_size) : 0;
    const u64 unsent_at = set.user ? reserve(kUnsentBytes) : 0;
    const u32 dedup = u32(set.options.dedup);
    const u64 dedup_at = dedup ? reserve(dedup_bytes(dedup)) : 0;
    replica->head_bytes = u32(end);
    u64 lanes_at[kMailboxLanes];
    for (u32 lane = 0; lane < lanes; ++lane) lanes_at[lane] = reserve(ring_bytes(slots, stride));
    const u64 host_at = reserve(ring_bytes(slots, stride));
    replica->block = Block(driver_.arena(), end);
    const u64 begin = replica->block.offset();
    if (set.options.prefault) std::memset(replica->block.memory(), 0, end);
    auto* const control = driver_.arena()->as<SliceControl>(begin + control_at);
    control->at = begin;
    control->state = i64(state_at);
    control->state_bytes = set.state_size;
    if (set.user) {
      control->first_state = i64(first_state_at);
      control->unsent = i64(unsent_at);
      control->unsent_bytes = kUnsentBytes;
      for (const u64 to : {state_at, first_state_at})
        std::memcpy(driver_.arena()->at(begin + to), set.first_state.data(), set.first_state.size());
    }
    for (u32 lane = 0; lane < lanes; ++lane) {
      control->lane[lane] = i64(lanes_at[lane]);
      replica->lanes.push_back({make_ring(driver_.arena()->at(begin + lanes_at[lane]), slots, stride)});
    }
    replica->lane_tickets.resize(lanes);
    control->to_host = i64(host_at);
    replica->to_host.ring = make_ring(driver_.arena()->at(begin + host_at), slots, stride);
    set.describe(control, *replica);
    if (dedup) {
      std::random_device random;
      DedupIds ids;
      ids.create(driver_.arena()->at(begin + dedup_at), dedup, u64(random()) << 32 | random());
      control->dedup = i64(dedup_at);
    }
    make_nowhere(*replica, stride);
    set.add(*replica);
    set.replicas.push_back(std::move(replica));
  }

  // Room for whatever the handler may send: a built-in one after a message from a slot of that size.
  void make_nowhere(Replica& replica, u32 stride) {
    // The first: larger than what any built-in handler answers of its own.
    const u32 answers = replica.set.user ? kUnsentBytes : 4096;
    auto* const control = driver_.arena()->as<SliceControl>(replica.block.offset());
    const u32 bytes = stride + answers;
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
    link->block = Block(driver_.arena(), sizeof(SliceLink) + ring_bytes(spec.capacity, stride));
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
