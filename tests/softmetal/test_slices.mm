// One command buffer of slices, with the test as its host: what a kernel that polls sees of a mailbox that fills while it
// runs.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "backends/metal/arena.h"
#include "backends/metal/commands.h"
#include "backends/metal/instance.h"
#include "backends/metal/library.h"
#include "backends/metal/sources.h"
#include "softmetal.h"
#include "softmetal/backend.h"
#include "softmetal/told.h"

namespace {

using namespace ringway;
using namespace ringway::metal;

constexpr u32 kSlots = 16, kStride = 128;
constexpr u32 kForEver = 1u << 31;  // looks
constexpr double kTimeout = 2;      // seconds of a dispatch

class Slices : public testing::TestWithParam<int> {
 protected:
  Slices() {
    softmetal_set_seed(u64(GetParam()));
    softmetal_set_late_host(1);
    softmetal_set_timeout(kTimeout);
    control->at = control_block.offset();
    control->state = from_control(state_block);
    control->lanes = 1;
    control->lane[0] = from_control(mailbox_block);
    control->to_host = from_control(host_block);
    control->host_capacity = kSlots;
    control->max_message = kStride - 8;
    *arena->as<u64>(controls.offset()) = control_block.offset();
    mailbox = ring(mailbox_block);
    host = ring(host_block);
    order->run = 1;
    order->quantum = kSlots;
  }
  ~Slices() override {
    softmetal_set_timeout(10);
    softmetal_set_late_host(0);
    softmetal_set_seed(0);
  }

  i64 from_control(const Block& block) const { return i64(block.offset()) - i64(control_block.offset()); }
  DeviceRing ring(const Block& block) const {
    auto* const header = arena->as<QueueHeader<HostLinkAtomics>>(block.offset());
    u8* const slots = reinterpret_cast<u8*>(header + 1);
    create<HostLinkAtomics>(header, slots, kSlots, kStride, 0);
    return attach<HostLinkAtomics>(header, slots);
  }
  static u64 queue_bytes() { return sizeof(QueueHeader<HostLinkAtomics>) + kSlots * kStride; }

  // As SlicedQueues::copy_in() does.
  void put(const std::string& body) {
    u8* const payload = reinterpret_cast<u8*>(raw_payload(mailbox.slot(filled)));
    Envelope envelope{};
    envelope.sender = envelope.receiver = kNoEndpoint;
    std::memcpy(payload, &envelope, sizeof(envelope));
    std::memcpy(payload + sizeof(envelope), body.data(), body.size());
    Producer<HostLinkAtomics, false> producer;
    producer.ring = mailbox;
    producer.publish(filled++, u32(sizeof(envelope) + body.size()), 0);
    HostLinkAtomics::store_index_before(&mailbox.header->enqueue, filled);
  }
  std::string answer(u32 ticket) const {
    Consumer<HostLinkAtomics, false> consumer;
    consumer.ring = host;
    const u32 bytes = consumer.size(ticket);
    const auto* const payload = reinterpret_cast<const char*>(raw_payload(host.slot(ticket)));
    return bytes < sizeof(Envelope) ? "" : std::string(payload + sizeof(Envelope), bytes - sizeof(Envelope));
  }

  void boundary(id<MTLComputeCommandEncoder> encoder, bool begins, bool ends) {
    SliceBoundary plan{};
    plan.replicas = 1;
    plan.begins = begins;
    plan.ends = ends;
    plan.controls = controls.offset();
    plan.orders = orders.offset();
    plan.reports = reports.offset();
    plan.bell = bell_block.offset();
    [encoder setComputePipelineState:rings.pipeline("ring_boundary").state.get()];
    [encoder setBuffer:arena->buffer() offset:0 atIndex:0];
    [encoder setBytes:&plan length:sizeof(plan) atIndex:1];
    [encoder dispatchThreads:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
  }
  void slice(id<MTLComputeCommandEncoder> encoder) {
    const auto bind = [&](const void* place, NSUInteger index) {
      [encoder setBuffer:arena->buffer()
                  offset:NSUInteger(static_cast<const u8*>(place) - arena->at(0))
                 atIndex:index];
    };
    const u32 capacity = kSlots;
    [encoder setComputePipelineState:rings.pipeline("ring_echo").state.get()];
    bind(mailbox.slots, 0);
    bind(&mailbox.header->dequeue, 1);
    bind(&mailbox.header->enqueue, 2);
    bind(host.slots, 3);
    bind(&host.header->dequeue, 4);
    bind(&host.header->enqueue, 5);
    bind(control, 6);
    [encoder setBytes:&capacity length:sizeof(capacity) atIndex:7];
    [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
  }
  void start() {
    const AutoreleaseScope scope;
    Commands commands(queue.get(), @"slices");
    id<MTLComputeCommandEncoder> encoder = commands.compute(@"slices", MTLDispatchTypeConcurrent);
    boundary(encoder, true, false);
    [encoder memoryBarrierWithScope:MTLBarrierScopeBuffers];
    slice(encoder);
    [encoder memoryBarrierWithScope:MTLBarrierScopeBuffers];
    boundary(encoder, false, true);
    commands.commit(std::make_shared<metal_test::Told>([this](const Ended& how) {
      std::lock_guard lock(changing);
      ended = how.failure;
      changed.notify_all();
    }));
  }
  // What the command buffer failed with.
  std::string end() {
    std::unique_lock lock(changing);
    changed.wait(lock, [this] { return ended.has_value(); });
    return *std::exchange(ended, {});
  }
  const SliceReport& report() const { return *arena->as<SliceReport>(reports.offset()); }
  void ring_bell() { HostLinkAtomics::store_index(arena->as<u32>(bell_block.offset()), 1); }
  static void let_it_run() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

  const Gpu& device = gpu();
  Library rings{device, "ring_kernels", source_of_ring_kernels, 320};
  Owned<id<MTLCommandQueue>> queue = new_queue(device, "test");
  std::shared_ptr<Arena> arena = std::make_shared<Arena>(device);
  Block control_block{arena, sizeof(SliceControl)}, state_block{arena, 256},
      mailbox_block{arena, queue_bytes()}, host_block{arena, queue_bytes()}, controls{arena, sizeof(u64)},
      orders{arena, sizeof(SliceOrder)}, reports{arena, sizeof(SliceReport)}, bell_block{arena, sizeof(u32)};
  SliceControl* control = arena->as<SliceControl>(control_block.offset());
  SliceOrder* order = arena->as<SliceOrder>(orders.offset());
  DeviceRing mailbox{}, host{};
  u32 filled = 0;
  std::mutex changing;
  std::condition_variable changed;
  std::optional<std::string> ended;
};

TEST_P(Slices, AMessageIsTakenByWhatRuns) {
  order->looks = kForEver;
  start();
  let_it_run();
  put("while it ran");
  EXPECT_EQ(end(), "");
  EXPECT_EQ(report().taken[0], 1u);
  EXPECT_EQ(answer(0), "while it ran");
}

TEST_P(Slices, LooksHaveAnEnd) {
  order->looks = 1000;
  start();
  EXPECT_EQ(end(), "");
  EXPECT_EQ(report().taken[0], 0u);
}

TEST_P(Slices, TheBellEndsThem) {
  order->looks = kForEver;
  start();
  let_it_run();
  ring_bell();
  EXPECT_EQ(end(), "");
  EXPECT_EQ(report().taken[0], 0u);
}

TEST_P(Slices, WithoutPollingAMessageWaitsForTheNextCommandBuffer) {
  put("behind the order");
  start();
  EXPECT_EQ(end(), "");
  EXPECT_EQ(report().taken[0], 0u);
  order->published[0] = 1;
  start();
  EXPECT_EQ(end(), "");
  EXPECT_EQ(report().taken[0], 1u);
  EXPECT_EQ(answer(0), "behind the order");
}

// A command buffer whose order was written before the one in front of it looked.
TEST_P(Slices, AnOlderOrderTakesNothingBack) {
  order->looks = 1;
  put("first");
  put("second");
  start();
  EXPECT_EQ(end(), "");
  EXPECT_EQ(report().taken[0], 2u);
  order->published[0] = 1;
  order->looks = 0;
  start();
  EXPECT_EQ(end(), "");
  EXPECT_EQ(report().taken[0], 2u);
  EXPECT_EQ(mailbox.header->sealed_enqueue, 2u) << "of tickets that were seen";
}

INSTANTIATE_TEST_SUITE_P(Orders, Slices, testing::ValuesIn(metal_test::orders(1, 6)));

}  // namespace
