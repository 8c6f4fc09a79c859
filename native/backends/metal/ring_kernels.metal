// The ring kernels: for each handler a kernel that runs one slice of it, and the boundary between the rounds of a
// command buffer. With RINGWAY_USER_KERNEL, instead of these, one for the handler of a program's own, whose text follows
// this one (user_library.mm).
#if defined(RINGWAY_USER_KERNEL)
#pragma STDC FP_CONTRACT OFF  // results as on the CPU
#endif
#include "ringway/kernel_slice.h"
#include "ringway/kernels/echo.h"
#include "ringway/kernels/faulty.h"
#include "ringway/kernels/pagerank.h"
#include "ringway/kernels/relay.h"
#include "ringway/kernels/vector_op.h"
#include "ringway/slice.h"

namespace ringway {

// The queue around these parts; false when that is no queue of the capacity given.
RW_FN bool queue_of_parts(RW_SHARED u8* slots, RW_SHARED ringway::MetalSealedAtomics::Index* head,
                          RW_SHARED ringway::MetalSealedAtomics::Index* tail, u32 capacity,
                          RW_PRIVATE Ring<MetalSealedAtomics>* ring, RW_PRIVATE u32* fault) {
  RW_SHARED QueueHeader<MetalSealedAtomics>* header =
      (RW_SHARED QueueHeader<MetalSealedAtomics>*)((RW_SHARED u8*)tail - kIndexLine);
  if (&header->dequeue != head || &header->enqueue != tail || (RW_SHARED u8*)(header + 1) != slots) {
    *fault = kNotRingway;
    return false;
  }
  *fault = attach_checked(header, slots, u64(capacity) * kMaxStride, ring);
  if (!*fault && capacity && ring->capacity != capacity) *fault = kBadCapacity;
  return !*fault;
}

RW_FN bool look_once(RW_SHARED SliceControl* control) {
  bool found = false;
  for (u32 lane = 0; lane < control->lanes; ++lane) {
    RW_SHARED QueueHeader<MetalSealedAtomics>* queue =
        queue_at<MetalSealedAtomics>(control, control->lane[lane]);
    // SYNC: as above; after_ready() follows before a slot is looked at.
    const u32 filled = MetalSealedAtomics::load_index(&queue->enqueue);
    if (i32(filled - MetalSealedAtomics::load_index(&queue->sealed_enqueue)) <= 0) continue;
    MetalSealedAtomics::store_index(&queue->sealed_enqueue, filled);
    found = true;
  }
  return found;
}

// Lets the mailbox be taken up to where the host has filled it by now. Looks until there is something, the bell rings,
// or it has looked as often as the order says; later slices of the command buffer look once.
RW_FN void look_for_mail(RW_SHARED SliceControl* control) {
  RW_SHARED MetalAtomics::Index* bell =
      (RW_SHARED MetalAtomics::Index*)((RW_SHARED u8*)control + control->bell);
  u32 left = control->order.looks;
  control->order.looks = 1;
  bool found = look_once(control);
  // Relaxed: the bell carries nothing, and who does not hear it stops all the same.
  while (!found && --left && !MetalAtomics::load_index(bell)) found = look_once(control);
  if (!found) return;
  // SYNC: partner the release store of SlicedQueues::copy_in(): the slots below what was seen are seen whole.
  MetalAtomics::after_ready();
  MetalAtomics::store_index(bell, 1);  // what comes of it waits for the slices that still look
}

template <class Handler>
RW_FN void run_slice(RW_SHARED u8* in_slots, RW_SHARED ringway::MetalSealedAtomics::Index* in_head,
                     RW_SHARED ringway::MetalSealedAtomics::Index* in_tail, RW_SHARED u8* out_slots,
                     RW_SHARED ringway::MetalSealedAtomics::Index* out_head,
                     RW_SHARED ringway::MetalSealedAtomics::Index* out_tail, RW_SHARED SliceControl* control,
                     u32 capacity) {
  Ring<MetalSealedAtomics> mailbox, host;
  u32 fault = 0;
  if (!queue_of_parts(in_slots, in_head, in_tail, capacity, &mailbox, &fault) ||
      !queue_of_parts(out_slots, out_head, out_tail, control->host_capacity, &host, &fault)) {
    control->report.stop = kSliceBadQueue;
    control->report.error = fault;
    return;
  }
  // One that goes on with a message has no need of others.
  if (control->order.looks && control->order.run && !control->report.stop && !control->report.under_way)
    look_for_mail(control);
  Slice<Handler>::run(control, mailbox, host);
}

}  // namespace ringway

// Input slots, head, tail; output slots, head, tail; control; capacity of the input.
#define RW_RING_KERNEL(name, ...)                                                                       \
  kernel void name(RW_SHARED uchar* in_slots [[buffer(0)]],                                             \
                   RW_SHARED ringway::MetalSealedAtomics::Index* in_head [[buffer(1)]],                 \
                   RW_SHARED ringway::MetalSealedAtomics::Index* in_tail [[buffer(2)]],                 \
                   RW_SHARED uchar* out_slots [[buffer(3)]],                                            \
                   RW_SHARED ringway::MetalSealedAtomics::Index* out_head [[buffer(4)]],                \
                   RW_SHARED ringway::MetalSealedAtomics::Index* out_tail [[buffer(5)]],                \
                   RW_SHARED ringway::SliceControl* control [[buffer(6)]],                              \
                   constant uint& capacity [[buffer(7)]]) {                                             \
    ringway::run_slice<__VA_ARGS__>(in_slots, in_head, in_tail, out_slots, out_head, out_tail, control, \
                                    capacity);                                                          \
  }

#if defined(RINGWAY_USER_KERNEL)

#define RINGWAY_KERNEL(Message, TheState, step)                                                 \
  struct ringway_step {                                                                         \
    static RW_FN ringway::u32 run(RW_PRIVATE ringway::KernelContext& context,                   \
                                  RW_SHARED const Message& message, RW_STATE TheState& state) { \
      return step(context, message, state);                                                     \
    }                                                                                           \
  };                                                                                            \
  RW_RING_KERNEL(ring_user, ringway::UserHandler<Message, TheState, ringway_step>)

#else

RW_RING_KERNEL(ring_echo, ringway::Echo)
RW_RING_KERNEL(ring_faulty, ringway::Faulty)
RW_RING_KERNEL(ring_relay, ringway::Relay)
RW_RING_KERNEL(ring_vector_op, ringway::VectorOperation)
RW_RING_KERNEL(ring_pagerank_sender, ringway::PageRankSender<float>)
RW_RING_KERNEL(ring_pagerank_aggregator, ringway::PageRankAggregator<float>)
RW_RING_KERNEL(ring_pagerank_checker, ringway::PageRankChecker<float>)

namespace ringway {

RW_FN void begin_replica(RW_SHARED u8* arena, constant SliceBoundary* plan, u32 i,
                         RW_SHARED SliceControl* control) {
  control->order = ((RW_SHARED const SliceOrder*)(arena + plan->orders))[i];
  control->now_us = plan->now_us;
  control->now_ns = plan->now_ns;
  control->buffers = i64(plan->buffers) - i64(control->at);
  control->bell = i64(plan->bell) - i64(control->at);
  control->buffer_count = plan->buffer_count;
  control->round = 0;
  control->report.last_round = 0;
  for (u32 lane = 0; lane < control->lanes; ++lane) {
    RW_SHARED MetalSealedAtomics::Index* sealed =
        &queue_at<MetalSealedAtomics>(control, control->lane[lane])->sealed_enqueue;
    // Never back: slices that looked may have gone further than the host had come when it wrote this order.
    if (i32(control->order.published[lane] - MetalSealedAtomics::load_index(sealed)) > 0)
      MetalSealedAtomics::store_index(sealed, control->order.published[lane]);
  }
  MetalSealedAtomics::store_index(&queue_at<MetalSealedAtomics>(control, control->to_host)->sealed_dequeue,
                                  control->order.taken);
  resume_slices(control);
}

}  // namespace ringway

kernel void ring_boundary(RW_SHARED uchar* arena [[buffer(0)]],
                          constant ringway::SliceBoundary& plan [[buffer(1)]],
                          uint i [[thread_position_in_grid]]) {
  using namespace ringway;
  if (i < plan.replicas) {
    RW_SHARED SliceControl* control =
        (RW_SHARED SliceControl*)(arena + ((RW_SHARED const ulong*)(arena + plan.controls))[i]);
    if (plan.begins) begin_replica(arena, &plan, i, control);
    if (plan.ends) {
      ((RW_SHARED SliceReport*)(arena + plan.reports))[i] = control->report;
    } else {
      control->round += 1;
    }
  } else if (i < plan.replicas + plan.links) {
    const uint number = i - plan.replicas;
    RW_SHARED SliceLink* link =
        (RW_SHARED SliceLink*)(arena + ((RW_SHARED const ulong*)(arena + plan.link_heads))[number]);
    RW_SHARED QueueHeader<MetalAtomics>* header = queue_of(link);
    // The senders and receivers of the next round handle what lies below.
    seal(ring_at(header));
    if (!plan.ends) return;
    RW_SHARED SliceLinkReport* report = (RW_SHARED SliceLinkReport*)(arena + plan.link_reports) + number;
    report->published = MetalAtomics::load_index(&header->enqueue);
    report->taken = MetalAtomics::load_index(&header->dequeue);
  }
}

#endif
