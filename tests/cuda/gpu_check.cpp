// The program of tools/gpu-check: every dispatch kernel on the GPU against the CPU, ring kernels with every message looked
// at, then times, as one JSON. It needs a driver
// and nothing else of CUDA.   usage: gpu_check [--small] [--checks-only] [--commit TEXT] [--output FILE]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <utility>

#include "backends/cpu/dispatcher.h"
#include "backends/cuda/dispatcher.h"
#include "backends/cuda/errors.h"
#include "backends/cuda/memory.h"
#include "core/buffer_pool.h"
#include "core/dispatch.h"
#include "cuda/gpu_report.h"

namespace ringway {
namespace {

constexpr const char* kNotRun[] = {
    "links within a block and a cluster: the CUDA backend has none",
    "hand-off from block to block by the device's clock, against a flag's",
    "PageRank's times on CUDA",
    "user kernels by NVRTC: the CUDA backend has none",
};

struct Options {
  bool small = false, checks_only = false;
  std::string commit = "unknown", output;
};

// One dispatch with arguments of its own, the same for every device.
struct Trial {
  const DispatchKernel* kernel;
  DType element;
  GridRequest grid;
  std::vector<std::vector<u8>> memory;  // of buffers, by position
  ArgumentWords words{};

  DType dtype(std::size_t i) const { return kernel->arguments[i].dtype.value_or(element); }
  DispatchRequest request() {
    std::vector<std::optional<BoundBuffer>> buffers(memory.size());
    for (std::size_t i = 0; i < memory.size(); ++i) {
      if (!kernel->arguments[i].scalar())
        buffers[i] = BoundBuffer{memory[i].data(), memory[i].size() / size_of(dtype(i)), dtype(i), true};
    }
    return check_dispatch(*kernel, element, grid, buffers, words);
  }
};

template <class T>
void put(u8* to, u64 index, double value) {
  const T number = T(value);
  std::memcpy(to + index * sizeof(T), &number, sizeof(T));
}
template <class T>
double get(const u8* from, u64 index) {
  T number{};
  std::memcpy(&number, from + index * sizeof(T), sizeof(T));
  return double(number);
}
// Runs `call` with a value of the element's type.
template <class Call>
void with_type(DType dtype, Call call) {
  switch (dtype) {
    case DType::kU8: return call(u8());
    case DType::kU16: return call(u16());
    case DType::kI32: return call(i32());
    case DType::kU32: return call(u32());
    case DType::kI64: return call(i64());
    case DType::kU64: return call(u64());
    case DType::kF32: return call(float());
    case DType::kF64: return call(double());
    default: throw Error(ErrorKind::kDispatch, std::string("gpu_check makes no ") + name_of(dtype));
  }
}

Trial make_trial(const DispatchKernel& kernel, DType element, const Extent& threads, u64 n) {
  Trial trial{&kernel, element, {}, {}, {}};
  trial.grid.threads = threads;
  trial.grid.axes = threads[2] > 1 ? 3 : threads[1] > 1 ? 2 : 1;
  const std::map<std::string, double> scalars = {{"n", double(n)}, {"bins", 7}, {"inner", 33}, {"factor", 3}};
  for (u32 i = 0; i < kernel.arguments.size(); ++i) {
    if (!kernel.arguments[i].scalar()) continue;
    with_type(trial.dtype(i), [&](auto number) {
      put<decltype(number)>(reinterpret_cast<u8*>(&trial.words[i]), 0, scalars.at(kernel.arguments[i].name));
    });
  }
  const Extent group = trial.grid.axes == 1   ? Extent{128, 1, 1}
                       : trial.grid.axes == 2 ? Extent{16, 16, 1}
                                              : Extent{8, 8, 4};
  trial.grid.group = group;
  Grid grid{threads, group, {}};
  for (u32 axis = 0; axis < 3; ++axis) grid.groups[axis] = (threads[axis] + group[axis] - 1) / group[axis];
  std::mt19937 random(12345);
  for (u32 i = 0; i < kernel.arguments.size(); ++i) {
    auto& memory = trial.memory.emplace_back();
    if (kernel.arguments[i].scalar()) continue;
    const u64 count = kernel.arguments[i].least({grid, trial.words});
    memory.resize(count * size_of(trial.dtype(i)));
    with_type(trial.dtype(i), [&](auto number) {
      for (u64 k = 0; k < count; ++k) put<decltype(number)>(memory.data(), k, double(random() % 10));
    });
  }
  return trial;
}

void run(Dispatcher& device, const DispatchRequest& request) {
  const auto job = device.start(request, false);
  job->wait(Wait{});
  job->check();
}

// Sums of small whole numbers are exact in float32 here, in any order.
std::string difference(const Trial& got, const Trial& wanted) {
  for (u32 i = 0; i < got.memory.size(); ++i) {
    const DispatchArgument& argument = got.kernel->arguments[i];
    if (argument.scalar() || argument.name == "group_sums" || got.memory[i] == wanted.memory[i]) continue;
    std::string text;
    with_type(got.dtype(i), [&](auto number) {
      using T = decltype(number);
      for (u64 k = 0; k < got.memory[i].size() / sizeof(T); ++k) {
        const double is = get<T>(got.memory[i].data(), k), was = get<T>(wanted.memory[i].data(), k);
        if (is == was) continue;
        text = argument.name + "[" + std::to_string(k) + "] is " + std::to_string(is) + ", on the CPU " +
               std::to_string(was);
        return;
      }
    });
    return text;
  }
  return {};
}

void check_all(Dispatcher& gpu, Dispatcher& cpu, Report& report) {
  const std::vector<Extent> grids = {{1, 1, 1}, {256, 1, 1}, {1000, 1, 1}, {37, 21, 1}, {9, 17, 5}};
  for (const DispatchKernel& kernel : dispatch_kernels()) {
    for (const DType element : kernel.types) {
      for (const Extent& threads : grids) {
        if ((threads[1] > 1 && kernel.axes < 2) || (threads[2] > 1 && kernel.axes < 3)) continue;
        Trial wanted = make_trial(kernel, element, threads, 777), got = wanted;
        std::string wrong;
        try {
          run(cpu, wanted.request());
          run(gpu, got.request());
          wrong = difference(got, wanted);
        } catch (const Error& error) {
          wrong = error.what();
        }
        report.add_check(kernel.name + "<" + name_of(element) + ">, " + std::to_string(threads[0]) + " x " +
                             std::to_string(threads[1]) + " x " + std::to_string(threads[2]) + " threads",
                         wrong);
      }
    }
  }
}

DispatchRequest addition(float* a, float* b, float* out, u64 n, bool on_gpu) {
  GridRequest grid;
  grid.threads = Extent{n, 1, 1};
  const auto bound = [&](float* data) {
    return BoundBuffer{reinterpret_cast<u8*>(data), n, DType::kF32, true, on_gpu};
  };
  return check_dispatch(dispatch_kernel("vector_add"), DType::kF32, grid, {bound(a), bound(b), bound(out)},
                        {});
}

void measure(Dispatcher& device, const Options& options, Report& report) {
  const auto pool = std::make_shared<BufferPool>(0, device.pages());
  const auto in_pool = [&](u64 n) {
    const auto memory = pool->take(n * sizeof(float));
    return std::shared_ptr<float>(memory, reinterpret_cast<float*>(memory.get()));
  };
  {
    const u64 n = 256;
    const int times = options.small ? 10 : 1000;
    const auto a = in_pool(n);
    const DispatchRequest request = addition(a.get(), a.get(), a.get(), n, false);
    report.add_row("one dispatch of 256 threads, started and waited for", "host clock, memory of the pool",
                   "us", [&] {
                     return 1e6 / times * seconds_of([&] {
                              for (int i = 0; i < times; ++i) run(device, request);
                            });
                   });
  }
  const u64 n = options.small ? u64(1) << 12 : u64(1) << 26;
  const double bytes = 3.0 * sizeof(float) * double(n);
  const std::string what = "vector_add of " + std::to_string(n) + " float32";
  const auto add = [&](const std::string& where, float* data, bool on_gpu) {
    const DispatchRequest request = addition(data, data + n, data + 2 * n, n, on_gpu);
    report.add_row(what, where, "GB/s",
                   [&] { return 1e-9 * bytes / seconds_of([&] { run(device, request); }); });
    if (on_gpu) return;
    if (data[2 * n] != data[0] + data[n] || data[3 * n - 1] != data[n - 1] + data[2 * n - 1])
      throw Error(ErrorKind::kDispatch, what + ", " + where + ": the sums are wrong");
  };
  {
    const cuda::CudaContext context(cuda::gpu());
    const cuda::Current current(context);
    cuda::DevicePool memory(context);
    CUstream stream = nullptr;
    cuda::ensure(context.driver, context.driver.cuStreamCreate(&stream, CU_STREAM_DEFAULT), "a stream");
    CUdeviceptr data = memory.take(3 * n * sizeof(float), stream, what);
    std::vector<float> ones(2 * n, 1.5F), out(n);
    cuda::ensure(context.driver,
                 context.driver.cuMemcpyHtoDAsync(data, ones.data(), 2 * n * sizeof(float), stream), what);
    // Dispatches go into another stream.
    CUevent copied = nullptr;
    cuda::ensure(context.driver, context.driver.cuEventCreate(&copied, CU_EVENT_DEFAULT), what);
    cuda::ensure(context.driver, context.driver.cuEventRecord(copied, stream), what);
    cuda::ensure(context.driver, context.driver.cuEventSynchronize(copied), what);
    context.driver.cuEventDestroy(copied);
    add("memory of the device", reinterpret_cast<float*>(data), true);
    cuda::ensure(
        context.driver,
        context.driver.cuMemcpyDtoHAsync(out.data(), data + 2 * n * sizeof(float), n * sizeof(float), stream),
        what);
    if (std::any_of(out.begin(), out.end(), [](float sum) { return sum != 3.0F; }))
      throw Error(ErrorKind::kDispatch, what + ": the sums are wrong");
    memory.put_back(data, stream);
    context.driver.cuStreamDestroy(stream);
  }
  {
    const auto data = in_pool(3 * n);
    std::fill_n(data.get(), 3 * n, 2.0F);
    add("memory of the pool, page-locked and mapped", data.get(), false);
  }
  std::vector<float> data(3 * n, 2.0F);
  add("arrays of the host, copied in and out", data.data(), false);
}

void write(const Options& options, const Report& report) {
  std::ostringstream text;
  text << "{\n \"name\": \"cuda\",\n \"command\": \"tools/gpu-check\",\n \"machine\": {\"device\": \""
       << cuda::description(cuda::gpu()) << "\"},\n \"commit\": \"" << options.commit
       << "\",\n \"versions\": {},\n"
       << " \"checks\": {\"passed\": " << report.passed << ", \"failed\": [" << report.checks.str() << "]},\n"
       << " \"not_run\": [";
  bool first = true;
  for (const char* const what : kNotRun)
    text << (std::exchange(first, false) ? "" : ", ") << '"' << what << '"';
  text << "],\n \"rows\": [\n" << report.rows.str() << "\n ]\n}\n";
  if (options.output.empty()) {
    std::cout << text.str();
  } else if (!(std::ofstream(options.output) << text.str())) {
    throw Error(ErrorKind::kNotFound, options.output + " cannot be written");
  }
}

int gpu_check(const Options& options) {
  if (const std::string why = cuda::why_no_gpu(); !why.empty()) {
    std::cerr << "not run, nothing of it: " << why << '\n';
    return 2;
  }
  const auto gpu = cuda::open_dispatcher(0);
  std::cerr << gpu->device() << '\n';
  Report report;
  check_all(*gpu, *cpu::open_dispatcher(0), report);
  std::cerr << report.passed << " dispatches agree with the CPU, " << report.failed << " do not\n";
  check_rings(report, options.small ? 1000 : 1'000'000);
  if (!options.checks_only && !report.failed) {
    measure(*gpu, options, report);
    measure_rings(report, options.small);
  }
  for (const char* const what : kNotRun) std::cerr << "not run: " << what << '\n';
  write(options, report);
  return report.failed ? 1 : 0;
}

}  // namespace

void Report::add_check(const std::string& what, const std::string& wrong) {
  wrong.empty() ? ++passed : ++failed;
  if (wrong.empty()) return;
  std::cerr << "WRONG " << what << ": " << wrong << '\n';
  checks << (failed > 1 ? ", " : "") << '"' << what << ": " << wrong << '"';
}

void Report::add_row(const std::string& what, const std::string& contestant, const std::string& unit,
                     const std::function<double()>& sample) {
  constexpr int kSamples = 9;
  sample();  // the first one prepares
  std::vector<double> samples;
  for (int i = 0; i < kSamples; ++i) samples.push_back(sample());
  std::vector<double> sorted = samples;
  std::sort(sorted.begin(), sorted.end());
  std::cerr << what << ", " << contestant << ": " << sorted[kSamples / 2] << ' ' << unit << '\n';
  std::ostringstream& out = rows;
  if (out.tellp()) out << ",\n";
  out << "  {\"what\": \"" << what << "\", \"contestant\": \"" << contestant << "\", \"unit\": \"" << unit
      << "\", \"median\": " << sorted[kSamples / 2] << ", \"min\": " << sorted.front()
      << ", \"max\": " << sorted.back() << ", \"samples\": [";
  for (int i = 0; i < kSamples; ++i) out << (i ? ", " : "") << samples[std::size_t(i)];
  out << "]}";
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace ringway

int main(int count, char** arguments) {
  ringway::Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--small") {
      options.small = true;
    } else if (word == "--checks-only") {
      options.checks_only = true;
    } else if ((word == "--commit" || word == "--output") && i + 1 < count) {
      (word == "--commit" ? options.commit : options.output) = arguments[++i];
    } else {
      std::cerr << "usage: gpu_check [--small] [--checks-only] [--commit TEXT] [--output FILE]\n";
      return 2;
    }
  }
  try {
    return ringway::gpu_check(options);
  } catch (const ringway::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
