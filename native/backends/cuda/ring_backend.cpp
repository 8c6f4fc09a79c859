#include "backends/cuda/ring_backend.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "backends/cuda/kernels.h"
#include "backends/cuda/ring_driver.h"
#include "core/error.h"

namespace ringway::cuda {

void CudaKernel::moved(bool) {
  driver->wake();
}

bool CudaKernel::is_open() {
  return driver->is_open(*this);
}

namespace {

constexpr u32 kPlaces = 64;
// Of one queue on the GPU: page-locked memory is held whole, used or not.
constexpr u64 kQueueBytes = 512 << 10;

CudaKernel& of(Port& port) {
  return static_cast<CudaKernel&>(port);
}

u64 rounded(u64 bytes) {
  return (bytes + kIndexLine - 1) / kIndexLine * kIndexLine;
}

class Cuda : public Backend {
 public:
  Cuda(const HostServices& services, u32 workers)
      : services_(services), workers_(workers ? workers : kPlaces), driver_(services_, workers_) {}

  std::string device() const override { return description(gpu()); }
  u32 workers() const override { return workers_; }
  u64 idle_looks() const override { return driver_.idle_looks(); }
  std::vector<const KernelType*> kernels() const override { return entries(); }

  std::shared_ptr<Port> launch(const LaunchSpec& spec) override {
    check_spec(spec);
    driver_.check();
    const SlicedSizes sizes(spec, kQueueBytes);
    const CudaRingEntry& entry = *find_entry(spec.kernel);
    auto set = std::make_shared<CudaKernel>(spec, sizes, entry.type, services_, workers_);
    set->driver = &driver_;
    set->bridge = std::make_shared<Bridge>(services_.pump, services_.replies, set, set->copied,
                                           u32(spec.options.staging_capacity));
    for (std::int64_t i = 0; i < spec.grid; ++i) add_replica(*set, entry, sizes);
    driver_.add(set);
    return set;
  }

  // A replica of the sender has one queue, to one replica of the receiver.
  std::vector<std::shared_ptr<const Queue>> link(Port& from, Port& to, const LinkSpec& spec,
                                                 const Wait& until) override {
    driver_.check();
    driver_.settle(&of(from), until);
    driver_.settle(&of(to), until);
    const auto& senders = of(from).replicas;
    const auto& receivers = of(to).replicas;
    std::vector<std::shared_ptr<CudaLink>> links;
    std::vector<std::pair<LinkTable*, LinkTable>> tables;
    const auto table_of = [&](LinkTable& now) -> LinkTable& {
      for (auto& [old, next] : tables) {
        if (old == &now) return next;
      }
      tables.emplace_back(&now, LinkTable{now.links, {}, {}});
      return tables.back().second;
    };
    for (std::size_t i = 0; i < senders.size(); ++i) {
      auto link = make_link(*senders[i], *receivers[i % receivers.size()], spec, until);
      auto& outputs = table_of(senders[i]->outputs).links;
      if (spec.output < outputs.size()) {
        outputs[spec.output] = link;
      } else {
        outputs.push_back(link);
      }
      table_of(link->to->inputs).links.push_back(link);
      links.push_back(std::move(link));
    }
    for (auto& [old, next] : tables) fill(next, until);
    driver_.add(links, tables, until);
    std::vector<std::shared_ptr<const Queue>> queues;
    for (const auto& link : links) queues.emplace_back(link, &link->shadow);
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
    const u64 left = driver_.retire(of(port), why, until);
    return left + port.bridge->end(ErrorKind::kClosed, why);
  }

  void quiesce(const Port* port, const Wait& until) override {
    driver_.settle(static_cast<const CudaKernel*>(port), until);
  }
  void stop() override { driver_.stop(); }
  void abandon() override { driver_.abandon(); }
  void notify(Port& port) override { port.bridge->wake(); }

 private:
  void check_spec(const LaunchSpec& spec) const {
    if (spec.options.device_polls) {
      throw Error(ErrorKind::kInvalidOption,
                  "device_polls is " + std::to_string(spec.options.device_polls) +
                      "; on CUDA it must be 0: its grid sees messages while it runs");
    }
    if (spec.options.bridge == BridgeKind::kDirect) {
      throw Error(ErrorKind::kInvalidOption,
                  "bridge is 'direct'; a GPU has mailboxes of its own: choose "
                  "'pumped' or 'auto'");
    }
    check_shape(spec, workers(), "CUDA");
  }

  void add_replica(CudaKernel& set, const CudaRingEntry& entry, const SlicedSizes& sizes) {
    auto replica = std::make_unique<CudaReplica>(set);
    const u32 lanes = u32(set.mailbox.lanes().size());
    const u64 ring = rounded(ring_bytes(sizes.slots, sizes.stride)),
              head = rounded(sizes_of_control(entry, set));
    const u64 host_bytes = rounded(sizeof(SliceControl)) + (lanes + 1) * ring;
    const u64 nowhere = nowhere_bytes(sizes.stride);
    driver_.with_memory({}, host_bytes, head + nowhere + 2 * kIndexLine, [&] {
      for (RingPiece* piece : {&replica->rings, &replica->resident, &replica->nowhere}) *piece = {};
      replica->rings = RingPiece(driver_.host_memory(), host_bytes);
      replica->resident = RingPiece(driver_.device_memory(), head);
      replica->nowhere = RingPiece(driver_.device_memory(), nowhere);
      return replica->rings && replica->resident && replica->nowhere;
    });
    std::memset(replica->rings.as<u8>(), 0, host_bytes);
    const u64 control_at = replica->resident.address();
    auto* const image = replica->rings.as<SliceControl>();
    const auto ring_at = [&](u32 number) { return rounded(sizeof(SliceControl)) + number * ring; };
    const auto offset_of = [&](u64 address) { return i64(address - control_at); };
    RingOrder& order = replica->order;
    for (u32 lane = 0; lane < lanes; ++lane) {
      image->lane[lane] = offset_of(replica->rings.address() + ring_at(lane));
      replica->lanes.push_back({make_ring(replica->rings.as<u8>(ring_at(lane)), sizes.slots, sizes.stride)});
      order.lane_slots[lane] = reinterpret_cast<u64>(replica->lanes.back().ring.slots);
    }
    replica->lane_tickets.resize(lanes);
    image->to_host = offset_of(replica->rings.address() + ring_at(lanes));
    replica->to_host.ring = make_ring(replica->rings.as<u8>(ring_at(lanes)), sizes.slots, sizes.stride);
    image->state = i64(rounded(sizeof(SliceControl)));
    image->state_bytes = entry.state_size;
    image->nowhere = offset_of(replica->nowhere.address());
    image->nowhere_bytes = u32(nowhere);
    set.describe(image, *replica);
    order.handler = entry.handler;
    order.control = control_at;
    order.bytes = head;
    order.image = replica->rings.address();
    order.capacity = sizes.slots;
    order.stride = sizes.stride;
    if (const u32 window = u32(set.options.dedup)) {
      std::random_device random;
      image->dedup = image->state + i64(rounded(entry.state_size));
      order.dedup_window = window;
      order.dedup_seed = u64(random()) << 32 | random();
    }
    // The host has no part in the order of taking turns.
    order.slice.quantum = u32(set.options.batch);
    set.add(*replica);
    set.replicas.push_back(std::move(replica));
  }

  static u64 sizes_of_control(const CudaRingEntry& entry, const CudaKernel& set) {
    const u32 dedup = u32(set.options.dedup);
    return rounded(sizeof(SliceControl)) + rounded(entry.state_size) + (dedup ? dedup_bytes(dedup) : 0);
  }
  // Room for whatever the handler may send after a message from a slot of that size.
  static u64 nowhere_bytes(u32 stride) {
    constexpr u32 kAnswers = 4096;  // larger than what any built-in handler answers of its own
    return stride + kAnswers;
  }

  std::shared_ptr<CudaLink> make_link(CudaReplica& from, CudaReplica& to, const LinkSpec& spec,
                                      const Wait& until) {
    auto link = std::make_shared<CudaLink>(QueueOptions{.name = from.set.name + " to " + to.set.name,
                                                        .capacity = spec.capacity,
                                                        .max_message = spec.payload,
                                                        .type = {}});
    const u32 stride = link->shadow.ring().stride;
    const u64 bytes = sizeof(SliceLink) + ring_bytes(spec.capacity, stride);
    driver_.with_memory(until, sizeof(SliceLinkReport), bytes, [&] {
      for (RingPiece* piece : {&link->report, &link->memory}) *piece = {};
      link->report = RingPiece(driver_.host_memory(), sizeof(SliceLinkReport));
      link->memory = RingPiece(driver_.device_memory(), bytes);
      return link->report && link->memory;
    });
    *link->report.as<SliceLinkReport>() = {0, 0};
    link->entry = {
        link->memory.address(), link->report.address(), spec.capacity, stride, link->shadow.max_message(), 0};
    link->from = &from;
    link->to = &to;
    return link;
  }

  void fill(LinkTable& table, const Wait& until) {
    const u64 count = table.links.size();
    driver_.with_memory(until, count * sizeof(RingLink), 2 * count * sizeof(u64), [&] {
      for (RingPiece* piece : {&table.entries, &table.places}) *piece = {};
      table.entries = RingPiece(driver_.host_memory(), count * sizeof(RingLink));
      table.places = RingPiece(driver_.device_memory(), 2 * count * sizeof(u64));
      return table.entries && table.places;
    });
    for (u64 i = 0; i < count; ++i) table.entries.as<RingLink>()[i] = table.links[i]->entry;
  }

  const HostServices services_;
  const u32 workers_;
  RingDriver driver_;
};

}  // namespace

std::unique_ptr<Backend> open_ring_backend(const HostServices& services, u32 workers) {
  return std::make_unique<Cuda>(services, workers);
}

}  // namespace ringway::cuda
