// The Metal backend's own parts on the software Metal device: compilation, reflection, command buffers, memory.
#include "backends/metal/commands.h"
#include "backends/metal/grid_kernels.h"
#include "backends/metal/library.h"
#include "backends/metal/memory.h"
#include "backends/metal/ring_bindings.h"
#include "backends/metal/sources.h"
#include "softmetal.h"
#include "softmetal/backend.h"
#include "softmetal/told.h"

namespace {

using metal_test::Thrown;
using metal_test::thrown_by;
using namespace ringway;
using namespace ringway::metal;

constexpr const char* kKernels = R"msl(#line 1 "kernels.metal"
#include <metal_stdlib>
using namespace metal;
kernel void increment(device uint* values [[buffer(0)]], uint i [[thread_position_in_grid]]) { values[i] += 1; }
kernel void spin(device atomic_uint* flag [[buffer(0)]]) {
  while (!atomic_load_explicit(flag, memory_order_relaxed)) {}
}
kernel void vector_add(device const float* a [[buffer(1)]], device const float* b [[buffer(0)]],
                       device float* out [[buffer(2)]], uint i [[thread_position_in_grid]]) { out[i] = a[i] + b[i]; }
kernel void thread_id(device ushort* out [[buffer(0)]], uint i [[thread_position_in_grid]]) { out[i] = ushort(i); }
kernel void many(device uint* out [[buffer(0)]], device uint* more [[buffer(1)]]) { out[0] = more[0]; }
kernel void grouped(device uint* out [[buffer(0)]], threadgroup uint* memory [[threadgroup(0)]]) { out[0] = memory[0]; }
kernel void ungrouped(device uint* values [[buffer(0)]], device uint* total [[buffer(1)]], constant ulong& n [[buffer(2)]]) {
  total[0] = values[0] + uint(n);
}
)msl";

class Parts : public testing::Test {
 protected:
  const Gpu& device = gpu();
  Library library{device, "kernels", kKernels, 300};
  Owned<id<MTLCommandQueue>> queue = new_queue(device, "test");

  // Runs one kernel over one buffer of so many bytes, and returns how it ended.
  Ended run(const char* kernel, u64 bytes, NSUInteger threads) {
    const AutoreleaseScope scope;
    const auto buffer =
        Owned<id<MTLBuffer>>::adopt([device.device.get() newBufferWithLength:bytes
                                                                     options:MTLResourceStorageModeShared]);
    [buffer.get() setLabel:@"numbers"];
    Commands commands(queue.get(), string_of(kernel));
    id<MTLComputeCommandEncoder> encoder = commands.compute(string_of(kernel));
    checked(kernel, [&] {
      [encoder setComputePipelineState:library.pipeline(kernel).state.get()];
      [encoder setBuffer:buffer.get() offset:0 atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(threads, 1, 1)
          threadsPerThreadgroup:MTLSizeMake(std::min<NSUInteger>(threads, 64), 1, 1)];
    });
    struct Shared {
      std::mutex changing;
      std::condition_variable changed;
      std::optional<Ended> ended;
    };
    const auto shared = std::make_shared<Shared>();
    commands.commit(std::make_shared<metal_test::Told>([shared](const Ended& ended) {
      std::lock_guard lock(shared->changing);
      shared->ended = ended;
      shared->changed.notify_all();
    }));
    std::unique_lock lock(shared->changing);
    if (!shared->changed.wait_for(lock, std::chrono::seconds(20),
                                  [&] { return shared->ended.has_value(); })) {
      ADD_FAILURE() << kernel << " has not ended within 20 s: nobody says that it has";
      return {};
    }
    return *shared->ended;
  }
  std::string differs(const char* pipeline, const char* kernel, DType element) {
    return thrown_by([&] { check_bindings({&library.pipeline(pipeline)}, dispatch_kernel(kernel), element); })
        .text;
  }
};

TEST_F(Parts, ASourceThatDoesNotCompileSaysWhereAndWhat) {
  const Thrown thrown = thrown_by([&] {
    Library(device, "broken",
            "#line 7 \"broken.metal\"\n#include <metal_stdlib>\nkernel void f() { int x = ; }\n", 300);
  });
  EXPECT_EQ(thrown.kind, ErrorKind::kBackendUnavailable);
  EXPECT_SAYS(thrown.text, "backend 'metal': the kernels of 'broken' do not compile: ");
  EXPECT_SAYS(thrown.text, "broken.metal:8:");
  EXPECT_SAYS(thrown.text, "expected expression");
  EXPECT_SAYS(thrown.text, "(MTLLibraryErrorDomain 3)");
}

TEST_F(Parts, ALanguageBeforeFencesIsHeldTo) {
  const char* const fence =
      "#include <metal_stdlib>\nusing namespace metal;\nkernel void f() { "
      "atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device); }\n";
  EXPECT_TRUE(thrown_by([&] { Library(device, "fence", fence, 300); }).any);
  EXPECT_FALSE(thrown_by([&] { Library(device, "fence", fence, 320); }).any);
}

TEST_F(Parts, AKernelThatIsNotThereIsNamed) {
  const Thrown thrown = thrown_by([&] { library.pipeline("decrement"); });
  EXPECT_EQ(thrown.kind, ErrorKind::kNotFound);
  EXPECT_EQ(thrown.text, "kernels has no kernel 'decrement'");
}

TEST_F(Parts, PipelinesAreMadeOnce) {
  EXPECT_EQ(&library.pipeline("increment"), &library.pipeline("increment"));
}

TEST_F(Parts, ReflectionTellsWhatAKernelExpects) {
  const Pipeline& grouped = library.pipeline("grouped");
  ASSERT_EQ(grouped.bindings.size(), 2u);
  EXPECT_EQ(grouped.bindings[0].name, "out");
  EXPECT_TRUE(grouped.bindings[1].threadgroup);
  EXPECT_GE(grouped.most_group_threads, 64u);
}

TEST_F(Parts, AKernelThatItsDeclarationDoesNotFitIsRefused) {
  EXPECT_SAYS(differs("vector_add", "vector_add", DType::kF32),
              "kernel 'vector_add' and its declaration differ: its buffer ");
  EXPECT_SAYS(differs("vector_add", "vector_add", DType::kF32), "is 'a', declared is 'b'");
  EXPECT_SAYS(differs("thread_id", "thread_id", DType::kU32),
              "its buffer 0 is 'out' with elements of 2 bytes, declared are 4");
  EXPECT_SAYS(differs("many", "thread_id", DType::kU32), "its buffer 1 is 'more', and only 1 are declared");
  EXPECT_SAYS(differs("grouped", "thread_id", DType::kU32),
              "its threadgroup memory 0 is 'memory', and none is declared");
  EXPECT_SAYS(differs("ungrouped", "reduce_sum", DType::kU32),
              "threadgroup memory is declared, and it has none");
  EXPECT_SAYS(differs("thread_id", "histogram", DType::kU16), "is 'out', declared is 'values'");
}

// As tools/softmetal/xcrun writes it.
std::string metallib(u32 version, const std::string& source) {
  return "SOFTMETALLIB " + std::to_string(version) + " 0 " + std::to_string(source.size()) + "\n" + source;
}
CompiledKernels compiled(const std::string& library) {
  return {reinterpret_cast<const unsigned char*>(library.data()), library.size()};
}

TEST_F(Parts, KernelsThatTheBuildCompiledAreLoaded) {
  const std::string rings = metallib(320, source_of_ring_kernels);
  const std::string said = metal_test::log_of([&] {
    Library loaded(device, "rings", "no source", 320, compiled(rings));
    EXPECT_EQ(loaded.pipeline("ring_echo").bindings.size(), 8u);
  });
  EXPECT_SAYS(said, "rings for version 320: loaded as the build compiled it");
}

TEST_F(Parts, WhatDoesNotLoadIsCompiledFromSource) {
  const auto falls_back = [&](const std::string& bytes) {
    return metal_test::log_of([&] {
      Library fallen(device, "kernels", kKernels, 300, compiled(bytes));
      EXPECT_EQ(fallen.pipeline("increment").bindings.size(), 1u);
    });
  };
  const std::string newer = falls_back(metallib(400, kKernels));
  EXPECT_SAYS(
      newer,
      "what the build compiled does not load: This library is using language version 4.0 which is not");
  EXPECT_SAYS(newer, "kernels for version 300: compiled from source");
  EXPECT_SAYS(falls_back(metallib(300, kKernels) + "more"), "does not load: Invalid library file");
  const std::string other =
      falls_back(metallib(300, "kernel void other(device uint* a [[buffer(0)]]) { a[0] = 1; }"));
  EXPECT_SAYS(other, "kernels: of what the build compiled: kernels has no kernel 'increment'");
  EXPECT_SAYS(other, "kernels for version 300: compiled from source");
}

TEST_F(Parts, ABuildThatCompiledNothingCompilesFromSource) {
  const std::string said = metal_test::log_of([&] { Library(device, "kernels", kKernels, 300); });
  EXPECT_EQ(said, "kernels for version 300: compiled from source\n");
}

// A ring kernel with these parameters.
std::string ring_kernel(const std::string& parameters) {
  return "#include <metal_stdlib>\nusing namespace metal;\nkernel void ring_test(" + parameters + ") {}\n";
}

TEST_F(Parts, RingKernelsThatDifferFromWhatIsBoundAreNamed) {
  const auto differs = [&](const std::string& parameters) {
    Library other(device, "rings", ring_kernel(parameters), 300);
    return thrown_by([&] { check_ring_kernel(other.pipeline("ring_test")); }).text;
  };
  const std::string slots = "device uchar* in_slots [[buffer(0)]]";
  const std::string said = "backend 'metal': ring kernel 'ring_test' and what is bound differ: ";
  EXPECT_EQ(differs(slots + ", device atomic_uint* in_tail [[buffer(1)]]"),
            said + "its buffer 1 is 'in_tail', bound is 'in_head'");
  EXPECT_EQ(differs("device ushort* in_slots [[buffer(0)]]"),
            said + "its buffer 0 is 'in_slots' with elements of 2 bytes, bound are 1");
  EXPECT_EQ(differs(slots), said + "'in_head' is bound, and it has no buffer 1");
  EXPECT_EQ(differs(slots + ", constant uint& more [[buffer(8)]]"),
            said + "its buffer 8 is 'more', and nothing is bound");
  EXPECT_EQ(differs(slots + ", threadgroup uint* memory [[threadgroup(0)]]"),
            said + "its threadgroup memory 0 is 'memory', and nothing is bound");
}

TEST_F(Parts, TheBoundaryOfRingKernelsIsComparedToo) {
  Library other(device, "rings",
                ring_kernel("device uchar* arena [[buffer(0)]], constant uint& plan [[buffer(1)]]"), 300);
  EXPECT_SAYS(thrown_by([&] { check_ring_boundary(other.pipeline("ring_test")); }).text,
              "its buffer 1 is 'plan' with elements of 4 bytes, bound are ");
  Library rings(device, "rings", source_of_ring_kernels, 300);
  check_ring_boundary(rings.pipeline("ring_boundary"));
  for (const char* name : {"ring_echo", "ring_faulty", "ring_relay", "ring_vector_op", "ring_pagerank_sender",
                           "ring_pagerank_aggregator", "ring_pagerank_checker"})
    check_ring_kernel(rings.pipeline(name));
}

TEST_F(Parts, CommandBuffersSayHowTheyEnded) {
  const Ended good = run("increment", 4096, 1024);
  EXPECT_EQ(good.failure, "");
  EXPECT_GT(good.gpu_seconds, 0);
}

TEST_F(Parts, APageFaultIsAnErrorInMetalsWords) {
  const Ended ended = run("increment", 16384, 1u << 20);
  EXPECT_EQ(ended.kind, ErrorKind::kHandler);
  EXPECT_SAYS(ended.failure, "Metal: Compute Function(increment): page fault");
  EXPECT_SAYS(ended.failure, "past the end of values[0], Buffer(0) 'numbers' of length 16384");
  EXPECT_SAYS(ended.failure, "(MTLCommandBufferErrorDomain 3)");
  EXPECT_EQ(run("increment", 4096, 1024).failure, "");
}

TEST_F(Parts, ATimeOutIsAnErrorWithARemedy) {
  softmetal_set_timeout(0.1);
  const Ended ended = run("spin", 16, 1);
  softmetal_set_timeout(10);
  EXPECT_EQ(ended.kind, ErrorKind::kHandler);
  EXPECT_SAYS(ended.failure, "(MTLCommandBufferErrorDomain 2)");
  EXPECT_SAYS(ended.failure, "cut the work into smaller dispatches");
}

TEST_F(Parts, WhatMetalRefusesIsAnError) {
  const Thrown thrown = thrown_by([&] { run("increment", 4096, 0); });
  EXPECT_EQ(thrown.kind, ErrorKind::kDispatch);
  EXPECT_SAYS(thrown.text, "increment: Metal refuses it: Compute Function(increment): threadsPer");
}

TEST_F(Parts, ErrorsHaveTheirKinds) {
  const auto kind = [](NSInteger code) {
    const AutoreleaseScope scope;
    return error_of([NSError errorWithDomain:MTLCommandBufferErrorDomain code:code userInfo:nil]).kind();
  };
  EXPECT_EQ(kind(MTLCommandBufferErrorOutOfMemory), ErrorKind::kOutOfMemory);
  EXPECT_EQ(kind(MTLCommandBufferErrorDeviceRemoved), ErrorKind::kDeviceLost);
  EXPECT_EQ(kind(MTLCommandBufferErrorAccessRevoked), ErrorKind::kDeviceLost);
  EXPECT_EQ(kind(MTLCommandBufferErrorInternal), ErrorKind::kHandler);
}

TEST_F(Parts, CommandsThatAreDroppedLeaveNothing) {
  ASSERT_EQ(metal_test::left("SMCommandBuffer"), 0) << "of the tests before this one";
  for (int i = 0; i < 200; ++i) Commands(queue.get(), @"dropped").compute(@"dropped");
  EXPECT_EQ(softmetal_live_objects("SMCommandBuffer"), 0);
}

TEST_F(Parts, PagesAreFoundByAnyAddressInThem) {
  Pages pages(device);
  u8* const memory = pages.map(3 * pages.page());
  ASSERT_TRUE(memory);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % pages.page(), 0u);
  const Place place = pages.find(memory + 100, 50);
  ASSERT_TRUE(place.buffer);
  EXPECT_EQ(place.offset, 100u);
  EXPECT_EQ([place.buffer.get() contents], memory);
  EXPECT_TRUE(pages.find(memory, 3 * pages.page()).buffer);
  EXPECT_FALSE(pages.find(memory, 3 * pages.page() + 1).buffer);
  EXPECT_FALSE(pages.find(memory - 1, 1).buffer);
  EXPECT_FALSE(pages.map(u64(1) << 60));
  pages.unmap(memory, 3 * pages.page());
  EXPECT_FALSE(pages.find(memory + 100, 50).buffer);
}

TEST_F(Parts, CopiesAreKeptForTheNextDispatch) {
  Copies copies(device);
  auto first = copies.take(100);
  id<MTLBuffer> const same = first.get();
  copies.put_back(std::move(first));
  EXPECT_EQ(copies.take(5000).get(), same);
  EXPECT_SAYS(thrown_by([&] { copies.take(u64(1) << 60); }).text,
              "no memory for a copy of 1152921504606846976 bytes");
}

}  // namespace
