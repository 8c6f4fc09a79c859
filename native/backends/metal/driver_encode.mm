// What goes into a command buffer.
//
// Order: the host writes orders and messages before it commits. Inside, every dispatch of a round runs concurrently; a
// barrier stands before and behind the boundary that divides rounds, so that a queue's side handles only what its other
// side did in an earlier round. Before Metal 3.2 that is the only order that there is: links hand over what the boundary
// has sealed. From 3.2 fences order a link inside a round too. What the host shares is sealed, but for the mailboxes of
// kernels that poll.
#include <algorithm>
#include <iterator>
#include <utility>

#include "backends/metal/driver.h"
#include "core/error.h"
#include "core/log.h"

namespace ringway::metal {
namespace {

constexpr u64 kBoundaryThreads = 32;  // of a group

}  // namespace

// One that has landed and that nobody looks at any more.
std::shared_ptr<Driver::Flight> Driver::new_flight() {
  const auto found =
      std::find_if(landed_.begin(), landed_.end(), [](const auto& one) { return one.use_count() == 1; });
  if (found == landed_.end()) return std::make_shared<Flight>(*this);
  auto flight = std::move(*found);
  landed_.erase(found);
  flight->listens = flight->over = false;
  flight->looks = 1;
  flight->replicas.clear();
  flight->resumes.clear();
  flight->how = {};
  return flight;
}

void Driver::Flight::ended(const Ended& what) {
  // Notified under the lock: the driver may be gone right behind it.
  std::lock_guard lock(driver.mutex_);
  how = what;
  if (!what.failure.empty()) how.failure = text_of(driver.label_.get()) + ": " + what.failure;
  over = true;
  driver.changed_.notify_all();
}

void Driver::encode() {
  const AutoreleaseScope scope;
  auto flight = new_flight();
  try {
    const bool stale = buffers_.stale();  // read once: a buffer may come or go at any time
    if (!flights_.empty() && (!laid_out_ || stale)) return;
    if (!laid_out_) lay_out();
    if (stale) buffers_.renew();
    flight->area = u32(committed_ % kInFlight);
    encoded_events_ = events_;
    if (!choose_ready(false)) {
      if (!lively_ || !flights_.empty() || !choose_ready(true)) return nothing_to_do();
      flight->listens = true;
      flight->looks = looks_;
    }
    const Slot& area = areas_[flight->area];
    HostLinkAtomics::store_index(arena_->as<u32>(area.bell), 0);
    write_orders(area, flight.get());
    flight->rounds = rounds_;
    Commands commands(queue_.get(), label_.get());
    id<MTLComputeCommandEncoder> encoder = commands.compute(label_.get(), MTLDispatchTypeConcurrent);
    checked("slices", [&] {
      const auto& resources = buffers_.resources();
      if (!resources.empty()) {
        [encoder useResources:resources.data()
                        count:resources.size()
                        usage:MTLResourceUsageRead | MTLResourceUsageWrite];
      }
      encode_boundary(encoder, area, true, false);
      for (u32 round = 1; round <= flight->rounds; ++round) {
        [encoder memoryBarrierWithScope:MTLBarrierScopeBuffers];
        for (const Replica* replica : flight->replicas) encode_slice(encoder, *replica);
        [encoder memoryBarrierWithScope:MTLBarrierScopeBuffers];
        encode_boundary(encoder, area, false, round == flight->rounds);
      }
    });
    flight->began = now_ns();
    log::debug({"slices", {}, services_.runtime}, [&] { return slices_text(*flight); });
    commands.commit(flight);
  } catch (const std::exception& error) {
    flight->how.failure = error.what();
    const auto* const known = dynamic_cast<const Error*>(&error);
    flight->how.kind = known ? known->kind() : ErrorKind::kOutOfMemory;
    // Before anybody was chosen: it concerns all that could have been.
    if (flight->replicas.empty())
      std::copy_if(replicas_.begin(), replicas_.end(), std::back_inserter(flight->replicas),
                   [](const Replica* replica) { return replica->set.running; });
    encoded_events_ = events_;
    backlog_ = lively_ = false;
    command_failed(*flight);
    return;
  }
  flight->number = ++committed_;
  flights_.push_back(std::move(flight));
}

void Driver::nothing_to_do() {
  backlog_ = false;
  if (flights_.empty()) lively_ = false;
  for (Replica* replica : replicas_) {
    replica->waits_for_lanes = false;
    replica->next_look = now_ns() + kExpiryLook;
  }
}

// Marks the replicas that have input, or else are to listen for it, and those that these can send to; how many.
u32 Driver::choose_ready(bool listening) {
  std::vector<Replica*>& found = chosen_;
  found.clear();
  const auto choose = [&found](Replica* replica) {
    if (!replica || replica->ready || replica->stopped || replica->set.dead) return;
    if (!replica->set.running && !replica->under_way) return;
    replica->ready = true;
    found.push_back(replica);
  };
  for (Replica* replica : replicas_) replica->ready = false;
  for (Replica* replica : replicas_) {
    std::lock_guard lock(replica->set.queues);
    const bool mail = std::any_of(replica->lanes.begin(), replica->lanes.end(),
                                  [](const SharedRing& lane) { return lane.depth() != 0; });
    if (mail || replica->under_way || replica->unsent || (listening && replica->set.options.device_polls))
      choose(replica);
  }
  for (const auto& link : links_) {
    if (link->published != link->taken) choose(link->to);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& link : found[i]->outputs) choose(link->to);
  }
  return u32(found.size());
}

void Driver::write_orders(const Slot& area, Flight* flight) {
  auto* const orders = arena_->as<SliceOrder>(area.orders);
  for (u32 i = 0; i < replicas_.size(); ++i) {
    Replica& replica = *replicas_[i];
    KernelSet& kernel = replica.set;
    std::lock_guard lock(kernel.queues);
    SliceOrder order{};
    order.run = kernel.running && !kernel.dead;
    order.quantum = std::max(1U, std::min(u32(kernel.options.batch), quantum_));
    for (u32 lane = 0; lane < replica.lanes.size(); ++lane) order.published[lane] = replica.lanes[lane].put;
    order.taken = replica.to_host.done;
    const auto lanes = kernel.mailbox.lanes();
    for (u32 lane = 0; lanes.size() > 1 && lane < lanes.size(); ++lane)
      order.staged |= u32(lanes[lane].counts().depth != 0) << lane;
    replica.waits_for_lanes = order.staged != 0;
    order.resumes = replica.resumes;
    order.looks = std::min(u32(kernel.options.device_polls), flight->looks);
    orders[i] = order;
    flight->resumes.push_back(replica.resumes);
    if (replica.ready) flight->replicas.push_back(&replica);
  }
}

void Driver::encode_boundary(id<MTLComputeCommandEncoder> encoder, const Slot& area, bool begins, bool ends) {
  const u64 threads = replicas_.size() + links_.size();
  const SliceBoundary plan{u32(replicas_.size()),
                           u32(links_.size()),
                           begins,
                           ends,
                           area.controls,
                           area.orders,
                           area.reports,
                           area.link_heads,
                           area.link_reports,
                           buffers_.table(),
                           area.bell,
                           buffers_.entries(),
                           0,
                           unix_us(),
                           static_cast<u64>(now_ns())};
  [encoder setComputePipelineState:boundary_.state.get()];
  [encoder setBuffer:arena_->buffer() offset:0 atIndex:0];
  [encoder setBytes:&plan length:sizeof(plan) atIndex:1];
  [encoder dispatchThreads:MTLSizeMake(threads, 1, 1)
      threadsPerThreadgroup:MTLSizeMake(std::min<u64>(threads, kBoundaryThreads), 1, 1)];
}

void Driver::encode_slice(id<MTLComputeCommandEncoder> encoder, const Replica& replica) {
  id<MTLBuffer> arena = arena_->buffer();
  const u64 control = replica.block.offset();
  const auto offset_of = [this](const void* place) {
    return NSUInteger(static_cast<const u8*>(place) - arena_->at(0));
  };
  const DeviceRing& in = replica.lanes[0].ring;
  const DeviceRing& out = replica.to_host.ring;
  const u32 capacity = in.capacity;
  [encoder setComputePipelineState:replica.set.pipeline->state.get()];
  [encoder setBuffer:arena offset:offset_of(in.slots) atIndex:0];
  [encoder setBuffer:arena offset:offset_of(&in.header->dequeue) atIndex:1];
  [encoder setBuffer:arena offset:offset_of(&in.header->enqueue) atIndex:2];
  [encoder setBuffer:arena offset:offset_of(out.slots) atIndex:3];
  [encoder setBuffer:arena offset:offset_of(&out.header->dequeue) atIndex:4];
  [encoder setBuffer:arena offset:offset_of(&out.header->enqueue) atIndex:5];
  [encoder setBuffer:arena offset:control atIndex:6];
  [encoder setBytes:&capacity length:sizeof(capacity) atIndex:7];
  [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
}

// "command buffer 7: 1 kernels, 2 rounds, at most 256 messages from an input; echo-1 in grid (1, 1, 1) of groups (1, 1, 1):
// 16 slots at 4096, 16 slots at 12288 for answers, control at 0"
std::string Driver::slices_text(const Flight& flight) const {
  std::string text = "command buffer " + std::to_string(committed_ + 1) + ": " +
                     std::to_string(flight.replicas.size()) + " kernels, " + std::to_string(flight.rounds) +
                     " rounds, at most " + std::to_string(quantum_) + " messages from an input";
  if (flight.listens) text += "; looks up to " + std::to_string(flight.looks) + " times for messages";
  const auto slots = [this](const DeviceRing& ring) {
    return std::to_string(ring.capacity) + " slots at " + std::to_string(u64(ring.slots - arena_->at(0)));
  };
  for (const Replica* replica : flight.replicas) {
    text += "; " + replica->set.name +
            " in grid (1, 1, 1) of groups (1, 1, 1): " + slots(replica->lanes[0].ring) + ", " +
            slots(replica->to_host.ring) + " for answers, control at " +
            std::to_string(replica->block.offset());
  }
  return text;
}

}  // namespace ringway::metal
