// What ringway adds to Metal's own calls for a dispatch: prints one JSON object, the device's name and samples in ns. Run
// by ../run_metal.py.
//
//   alone    from the start of one dispatch to its end, through ringway and by Metal's calls
//   extra    what each further dispatch of a command buffer costs the host. By Metal: its encoder. By ringway: its start
//            while the GPU is busy, its encoder, and its end. The GPU's own time is in neither.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/metal/dispatcher.h"
#include "backends/metal/grid_job.h"
#include "backends/metal/sources.h"

namespace ringway::metal {
namespace {

constexpr u32 kTogether = 64;

using Clock = std::chrono::steady_clock;
double ns_since(Clock::time_point began) {
  return std::chrono::duration<double, std::nano>(Clock::now() - began).count();
}

DispatchRequest request_for(const char* kernel, Extent threads, Extent group, std::vector<u64> words) {
  DispatchRequest request;
  request.kernel = &dispatch_kernel(kernel);
  request.grid = {threads, group, {}};
  for (u32 axis = 0; axis < 3; ++axis)
    request.grid.groups[axis] = (threads[axis] + group[axis] - 1) / group[axis];
  std::copy(words.begin(), words.end(), request.words.begin());
  request.element = DType::kF32;
  const SizeOf of{request.grid, request.words};
  if (request.kernel->group_bytes) request.group_bytes = u32(request.kernel->group_bytes(of, 4));
  return request;
}

class Bench {
 public:
  Bench()
      : dispatcher_(open_dispatcher(0)),
        pool_(std::make_shared<BufferPool>(u64(1) << 30, dispatcher_->pages())),
        parts_(gpu()),
        own_pool_(std::make_shared<BufferPool>(u64(1) << 30, parts_.pages)),
        line_value_(pool_->take(4)),
        value_(own_pool_->take(4)),
        gate_(pool_->take(64 * kGate * 4)),
        gate_out_(pool_->take(64 * 64 * 4)),
        pipeline_(*parts_.kernels.passes(dispatch_kernel("double_in_place"), DType::kF32)[0]) {}
  ~Bench() { dispatcher_->stop(); }

  double alone_by_ringway() {
    const auto began = Clock::now();
    const auto job = dispatcher_->start(doubling(line_value_.get()), true);
    job->wait(Wait{});
    const double ns = ns_since(began);
    job->check();
    return ns;
  }

  double alone_by_metal() {
    const AutoreleaseScope scope;
    struct End {
      std::mutex changing;
      std::condition_variable changed;
      bool over = false;
    };
    End end;
    End* const ended = &end;
    const auto began = Clock::now();
    id<MTLCommandBuffer> buffer = [parts_.queue.get() commandBuffer];
    encode_by_metal(buffer);
    [buffer addCompletedHandler:^(id<MTLCommandBuffer>) {
      std::lock_guard lock(ended->changing);
      ended->over = true;
      ended->changed.notify_all();
    }];
    [buffer commit];
    {
      std::unique_lock lock(end.changing);
      end.changed.wait(lock, [&] { return end.over; });
    }
    const double ns = ns_since(began);
    [buffer waitUntilCompleted];
    return ns;
  }

  // The command buffers of these two are dropped: the GPU is in no figure.
  double extra_by_metal() {
    const AutoreleaseScope scope;
    Commands commands(parts_.queue.get(), parts_.label.get(), true);
    const auto began = Clock::now();
    for (u32 i = 0; i < kTogether; ++i) encode(commands.compute(pipeline_.label.get()));
    return ns_since(began) / kTogether;
  }

  double extra_by_ringway() {
    const AutoreleaseScope scope;
    const auto gate = dispatcher_->start(request_for("matrix_multiply", {64, 64, 1}, {16, 16, 1},
                                                     {word(gate_), word(gate_), word(gate_out_), kGate}),
                                         false);
    std::vector<std::shared_ptr<DispatchJob>> started{dispatcher_->start(doubling(line_value_.get()), false)};
    started.reserve(1 + kTogether);
    const DispatchRequest request = doubling(line_value_.get());
    auto began = Clock::now();
    for (u32 i = 0; i < kTogether; ++i) started.push_back(dispatcher_->start(request, false));
    double ns = ns_since(began);
    if (gate->done()) {
      std::fprintf(stderr, "the device was not busy for long enough\n");
      std::exit(1);
    }
    for (const auto& job : started) job->wait(Wait{});

    std::vector<std::unique_ptr<GridJob>> jobs;
    const DispatchRequest own = doubling(value_.get());
    for (u32 i = 0; i < kTogether; ++i) jobs.push_back(std::make_unique<GridJob>(own, parts_, false));
    {
      Commands commands(parts_.queue.get(), parts_.label.get(), true);
      began = Clock::now();
      for (const auto& job : jobs) job->encode(commands);
      ns += ns_since(began);
    }
    began = Clock::now();
    for (const auto& job : jobs) {
      job->settle(true);
      job->finish(ErrorKind::kHandler, {});
    }
    return (ns + ns_since(began)) / kTogether;
  }

 private:
  static constexpr u64 kGate = 500;

  static u64 word(const std::shared_ptr<u8>& memory) { return reinterpret_cast<u64>(memory.get()); }
  static DispatchRequest doubling(u8* value) {
    return request_for("double_in_place", {1, 1, 1}, {1, 1, 1}, {reinterpret_cast<u64>(value)});
  }
  void encode(id<MTLComputeCommandEncoder> encoder) {
    const Place place = parts_.pages->find(value_.get(), 4);
    [encoder setComputePipelineState:pipeline_.state.get()];
    [encoder setBuffer:place.buffer.get() offset:place.offset atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
  }
  void encode_by_metal(id<MTLCommandBuffer> buffer) {
    id<MTLComputeCommandEncoder> encoder = [buffer computeCommandEncoder];
    [encoder setLabel:pipeline_.label.get()];
    encode(encoder);
    [encoder endEncoding];
  }

  const std::unique_ptr<Dispatcher> dispatcher_;
  const std::shared_ptr<BufferPool> pool_;
  GridParts parts_;
  const std::shared_ptr<BufferPool> own_pool_;
  const std::shared_ptr<u8> line_value_, value_, gate_, gate_out_;
  const Pipeline& pipeline_;
};

void print(const char* name, const std::vector<double>& samples) {
  std::printf(",\n \"%s\": [", name);
  for (std::size_t i = 0; i < samples.size(); ++i) std::printf("%s%.1f", i ? ", " : "", samples[i]);
  std::printf("]");
}

double median(std::vector<double> all) {
  std::nth_element(all.begin(), all.begin() + long(all.size() / 2), all.end());
  return all[all.size() / 2];
}

void run(int repeats) {
  Bench bench;
  std::vector<double> samples[4];
  double (Bench::* const contestants[4])() = {&Bench::alone_by_ringway, &Bench::alone_by_metal,
                                              &Bench::extra_by_ringway, &Bench::extra_by_metal};
  for (int i = -1; i < repeats; ++i) {  // the first is warm-up
    for (int which = 0; which < 4; ++which) {
      std::vector<double> calls;
      for (int call = 0; call < (which < 2 ? 50 : 5); ++call) calls.push_back((bench.*contestants[which])());
      if (i >= 0) samples[which].push_back(median(calls));
    }
  }
  std::printf("{\"device\": \"%s\"", description(gpu()).c_str());
  print("alone, ringway", samples[0]);
  print("alone, Metal", samples[1]);
  print("extra, ringway", samples[2]);
  print("extra, Metal", samples[3]);
  std::printf("}\n");
}

}  // namespace
}  // namespace ringway::metal

int main(int argc, char** argv) {
  ringway::metal::run(argc > 1 ? std::atoi(argv[1]) : 9);
}
