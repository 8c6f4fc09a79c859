#include "core/sliced_kernel.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/failure_policy.h"
#include "core/reply.h"
#include "core/type_id.h"
#include "ringway/unsent.h"

namespace ringway {
namespace {

u32 device_slots(u32 capacity, u32 stride, u64 most_bytes) {
  const u64 fit = std::bit_floor(most_bytes / stride);
  return u32(std::min<u64>(capacity, std::max<u64>(fit, kMinCapacity)));
}

}  // namespace

void SharedRing::put_to(u32 published) {
  used = u32(std::min<u64>(ring.capacity, u64(used) + (published - put)));
  put = published;
}

void SharedRing::clear() {
  std::memset(ring.slots, 0, std::size_t(used) * ring.stride);
  std::memset(static_cast<void*>(ring.header), 0, sizeof(*ring.header));
}

u64 ring_bytes(u32 capacity, u32 stride) {
  return sizeof(QueueHeader<HostLinkAtomics>) + u64(capacity) * stride;
}

DeviceRing make_ring(u8* memory, u32 capacity, u32 stride) {
  auto* const header = reinterpret_cast<QueueHeader<HostLinkAtomics>*>(memory);
  u8* const slots = reinterpret_cast<u8*>(header + 1);
  create<HostLinkAtomics>(header, slots, capacity, stride, 0);
  return attach<HostLinkAtomics>(header, slots);
}

void check_shape(const LaunchSpec& spec, u32 workers, const std::string& device) {
  if (spec.grid < 1 || spec.grid > workers) {
    throw Error(
        ErrorKind::kInvalidOption,
        "grid is " + std::to_string(spec.grid) + "; on " + device +
            ", where it is the number of replicas, it must be 1 to the runtime's number of workers, " +
            std::to_string(workers) + " (Runtime(workers=...) sets it)");
  }
  if (spec.block != 1) {
    throw Error(
        ErrorKind::kInvalidOption,
        "block is " + std::to_string(spec.block) + "; on " + device +
            " it must be 1: the built-in handlers run on one thread; ask for replicas by grid instead");
  }
}

SlicedSizes::SlicedSizes(const LaunchSpec& spec, u64 most_bytes) {
  const u32 room = spec.body_size + u32(sizeof(Envelope));
  const u32 capacity = u32(spec.options.capacity), staging = u32(spec.options.staging_capacity);
  stride = slot_stride_for(room, false);
  slots = device_slots(capacity, stride, most_bytes);
  to_host = {.name = spec.name + " to host",
             .capacity = capacity,
             .max_message = room,
             .type = {},
             .prefault = spec.options.prefault};
  mailbox = to_host;
  // The kernel's errors name lines of the program; their texts are made on the host.
  if (spec.user) to_host.max_message = std::max<u32>(room, u32(sizeof(Envelope)) + u32(sizeof(ErrorText)));
  mailbox.name = spec.name;
  mailbox.capacity =
      slots == capacity ? staging : std::min<u32>(std::bit_ceil(staging + capacity - slots), kMaxCapacity);
  mailbox.policy = spec.options.policy;
}

SlicedKernel::SlicedKernel(const LaunchSpec& spec, const SlicedSizes& sizes, const KernelType& of,
                           const HostServices& host, u32 workers)
    : Port(sizes.mailbox, sizes.to_host, spec.options),
      type(of),
      user(spec.user),
      services(host),
      name(spec.name),
      most_to_host(sizes.stride - 8),
      options(spec.options),
      copied(*this) {
  index = spec.index;
  telemetry = options.telemetry;
  controls.push_back(&told);
  unseen.push_back(&told_unseen);
  worker = options.worker >= 0 ? u32(options.worker) : spec.index % workers;
  if (const u32 sample = u32(options.latency_sample)) {
    mailbox.sample_latency(sample);
    for (std::size_t i = 0; i < std::size_t(spec.grid) * mailbox.lanes().size(); ++i)
      latency.push_back(timed.emplace_back(std::make_unique<Latency>(sizes.slots, sample)).get());
  }
}

void SlicedKernel::describe(SliceControl* control, const SlicedReplica& replica) const {
  control->lanes = u32(replica.lanes.size());
  control->host_capacity = replica.to_host.ring.capacity;
  control->max_message = most_to_host;
  control->endpoint = index;
  control->emits = type_id_of(type.emits);
  control->skips = options.on_error == OnError::kSkip;
  u32 id[4];
  fresh_id(id);
  std::memcpy(control->id, id, sizeof(id));
}

void SlicedKernel::add(SlicedReplica& replica) {
  controls.push_back(&replica.control);
  unseen.push_back(&replica.unseen);
  parts.push_back(&replica);
}

void SlicedKernel::count(u32 number, const SliceReport& report, std::int64_t turn_began) {
  SlicedReplica& replica = *parts[number];
  const bool on = atomic::load_relaxed(&telemetry) != 0;
  ControlBlock& seen = on ? replica.control : replica.unseen;
  const ControlBlock& now = report.counts;
  ControlBlock& before = replica.reported;
  const u64 received = now.received - before.received, sent = now.sent - before.sent;
  if (now.processed != before.processed) replica.restarts_in_row = 0;
  // First: who sees that a message was handled can count what it led to.
  atomic::count(&seen.sent, sent);
  atomic::count(&seen.received, received);
  atomic::count(&seen.processed, now.processed - before.processed);
  atomic::count(&seen.errors, now.errors - before.errors);
  atomic::count(&seen.iterations, now.iterations - before.iterations);
  if (now.last_message_us != before.last_message_us)
    atomic::store_relaxed(&seen.last_message_us, now.last_message_us);
  before = now;

  struct Told {
    const SlicedKernel& kernel;
    static void measured(void* self, u64 sent, u64 handled) {
      const SlicedKernel& of = static_cast<Told*>(self)->kernel;
      of.services.tracer.passage(of.worker, {static_cast<std::int64_t>(sent),
                                             static_cast<std::int64_t>(handled), Tracer::kHost, of.index});
    }
  } told_of{*this};
  const bool traced = services.tracer.on();
  u32 depth = 0;
  for (u32 lane = 0; lane < replica.lanes.size(); ++lane) {
    const u32 taken = report.taken[lane] - replica.lanes[lane].done;
    Latency* const timing = on ? latency_of(number, lane) : nullptr;
    if (timing && taken)
      timing->handled(replica.lane_tickets[lane], taken, {traced ? &Told::measured : nullptr, &told_of});
    replica.lane_tickets[lane] += taken;
    depth += replica.lanes[lane].put - report.taken[lane];
  }
  if (traced && (received || sent))
    services.tracer.turn(worker, {turn_began, now_ns(), index, u32(received), u32(sent), depth});
}

void SlicedKernel::bury(const DeviceRing& ring, u32 first, u32 last, bool enveloped, LetterReason reason,
                        const std::string& text) {
  Consumer<HostLinkAtomics, false> take;
  take.ring = ring;
  for (u32 ticket = first; ticket != last; ++ticket) {
    const u8* const message = reinterpret_cast<const u8*>(raw_payload(ring.slot(ticket)));
    const u32 bytes = take.size(ticket);
    Envelope envelope;
    const u32 skipped = enveloped ? u32(sizeof(envelope)) : 0;
    std::memcpy(&envelope, message, skipped);
    dead_letters.add(reason, enveloped ? &envelope : nullptr, {message + skipped, bytes - skipped}, text);
    take.release(ticket);
  }
}

u32 SlicedKernel::bury_unsent(SliceControl* control) {
  if (!control->report.unsent) return 0;
  control->report.unsent = 0;
  SliceUnsent* const unsent = unsent_of(control);
  u32 all = 0;
  for (u32 at = unsent->first; at != unsent->end; ++all) {
    const UnsentRecord* const record = record_at(unsent, at);
    dead_letters.add(LetterReason::kClosed, nullptr, {reinterpret_cast<const u8*>(record + 1), record->bytes},
                     "the kernel ended before an output had room for it");
    at += record_bytes(record->bytes);
  }
  return all;
}

void SlicedLink::apply(const SliceLinkReport& report) {
  total_published += report.published - published;
  total_taken += report.taken - taken;
  published = report.published;
  taken = report.taken;
  QueueHeader<QueueAtomics>* const header = shadow.ring().header;
  QueueAtomics::store_index(&header->enqueue, total_published);
  QueueAtomics::store_index(&header->dequeue, total_taken);
}

}  // namespace ringway
