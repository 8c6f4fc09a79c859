// The dispatch level of the CUDA backend on the fake driver: what is found, results, errors, order of calls, leaks.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "backends/cuda/dispatcher.h"
#include "backends/cuda/gpu.h"
#include "core/buffer_pool.h"
#include "core/dispatch.h"
#include "cuda/fake_driver/control.h"

namespace ringway::cuda {
namespace {

using fake_cuda::Control;

Control& fake() {
  static Control* const control = [] {
    setenv("RINGWAY_CUDA_DRIVER", FAKE_CUDA_DRIVER, 1);
    void* const library = dlopen(FAKE_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
    const auto get = reinterpret_cast<fake_cuda::GetControl>(dlsym(library, fake_cuda::kGetControl));
    return get();
  }();
  return *control;
}

std::string found() {
  CudaGpu gpu;
  const std::string wrong = load_driver(FAKE_CUDA_DRIVER, &gpu.driver);
  return wrong.empty() ? find_gpu(&gpu) : wrong;
}

class CudaProbe : public testing::Test {
 protected:
  void SetUp() override { fake().reset(); }
  void TearDown() override {
    EXPECT_EQ(fake().counts().sum(), 0);
    EXPECT_EQ(fake().violations(), std::vector<std::string>());
  }
};

TEST_F(CudaProbe, ADeviceIsFound) {
  EXPECT_EQ(found(), "");
}

TEST_F(CudaProbe, NoLibraryIsNamed) {
  CudaDriver driver;
  const std::string text = load_driver("libno-such-driver.so.1", &driver);
  EXPECT_NE(text.find("no NVIDIA driver: its library libno-such-driver.so.1 does not load"),
            std::string::npos)
      << text;
}

TEST_F(CudaProbe, ALibraryWithoutAnEntryIsTooOld) {
  CudaDriver driver;
  const std::string text = load_driver("libm.so.6", &driver);
  EXPECT_NE(text.find("too old: libm.so.6 has no cuInit"), std::string::npos) << text;
}

TEST_F(CudaProbe, EachFailedStepIsNamed) {
  const auto after = [](const char* entry, CUresult result) {
    fake().reset();
    fake().fail(entry, result);
    return found();
  };
  EXPECT_EQ(
      after("cuInit", CUDA_ERROR_SYSTEM_DRIVER_MISMATCH),
      "starting the NVIDIA driver failed: system has unsupported display driver / cuda driver combination "
      "(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)");
  EXPECT_EQ(after("cuInit", CUDA_ERROR_NO_DEVICE),
            "this machine has no NVIDIA GPU that the driver shows (CUDA_VISIBLE_DEVICES may hide some)");
  EXPECT_EQ(after("cuDeviceGetCount", CUDA_ERROR_INVALID_VALUE),
            "counting devices failed: invalid argument (CUDA_ERROR_INVALID_VALUE)");
  EXPECT_EQ(after("cuDevicePrimaryCtxRetain", CUDA_ERROR_OUT_OF_MEMORY),
            "making a context on fake GPU 0 failed: out of memory (CUDA_ERROR_OUT_OF_MEMORY)");
  EXPECT_EQ(after("cuInit", CUresult(1000)),
            "starting the NVIDIA driver failed: an error that this driver has no text for (CUresult 1000)");
}

TEST_F(CudaProbe, NoDeviceAndAnOldOneAreNamed) {
  fake().set_devices(0);
  EXPECT_EQ(found(),
            "this machine has no NVIDIA GPU that the driver shows (CUDA_VISIBLE_DEVICES may hide some)");
  fake().reset();
  fake().set_version(11080);
  EXPECT_EQ(
      found().find("the NVIDIA driver is too old: it is for CUDA 11.8, and ringway was built with CUDA "),
      0U);
  fake().reset();
  fake().set_capability(7, 5);
  EXPECT_EQ(found(), "fake GPU 0 is too old: its compute capability is 7.5, and 8.0 is the least");
}

TEST_F(CudaProbe, TheDeviceIsChosenByNumber) {
  fake().set_devices(2);
  CudaGpu gpu;
  ASSERT_EQ(load_driver(FAKE_CUDA_DRIVER, &gpu.driver), "");
  setenv("RINGWAY_CUDA_DEVICE", "1", 1);
  EXPECT_EQ(find_gpu(&gpu), "");
  EXPECT_EQ(description(gpu), "fake GPU 1, compute capability 9.0, CUDA " +
                                  std::to_string(CUDA_VERSION / 1000) + "." +
                                  std::to_string(CUDA_VERSION / 10 % 100));
  for (const char* wrong : {"2", "-1", "x", "1 "}) {
    setenv("RINGWAY_CUDA_DEVICE", wrong, 1);
    EXPECT_EQ(find_gpu(&gpu), "RINGWAY_CUDA_DEVICE is '" + std::string(wrong) + "'; it must be 0 to 1");
  }
  unsetenv("RINGWAY_CUDA_DEVICE");
}

class CudaDispatch : public testing::Test {
 protected:
  void SetUp() override {
    fake().reset();
    dispatcher_ = open_dispatcher(0);
    pool_ = std::make_shared<BufferPool>(1 << 20, dispatcher_->pages());
  }
  void TearDown() override {
    dispatcher_.reset();
    pool_.reset();
    EXPECT_EQ(fake().counts().sum(), 0);
    EXPECT_EQ(fake().violations(), std::vector<std::string>());
  }

  static DispatchRequest add(const float* a, const float* b, float* out, u64 n) {
    GridRequest grid;
    grid.threads = Extent{n, 1, 1};
    const auto bound = [n](const float* data, bool writable) {
      return BoundBuffer{reinterpret_cast<u8*>(const_cast<float*>(data)), n, DType::kF32, writable};
    };
    return check_dispatch(dispatch_kernel("vector_add"), DType::kF32, grid,
                          {bound(a, false), bound(b, false), bound(out, true)}, {});
  }
  // Of 1000 elements; empty, or what it failed with.
  std::string run(const float* a, const float* b, float* out) {
    const auto job = dispatcher_->start(add(a, b, out, kCount), false);
    return outcome(*job);
  }
  std::string outcome(DispatchJob& job) {
    job.wait(Wait{});
    try {
      job.check();
    } catch (const Error& error) {
      kind_ = error.kind();
      return error.what();
    }
    return {};
  }
  std::shared_ptr<float> in_pool() {
    const auto memory = pool_->take(kCount * sizeof(float));
    auto* const data = reinterpret_cast<float*>(memory.get());
    std::iota(data, data + kCount, 0.0F);
    return {memory, data};
  }

  static constexpr u64 kCount = 1000;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::shared_ptr<BufferPool> pool_;
  ErrorKind kind_ = ErrorKind::kHandler;
};

constexpr const char* kLabel =
    "vector_add<float32>: threads (1000, 1, 1) in groups of (256, 1, 1), 0 bytes of threadgroup memory";

TEST_F(CudaDispatch, ArraysAreCopiedInAndOut) {
  std::vector<float> a(kCount), b(kCount, 2), out(kCount);
  std::iota(a.begin(), a.end(), 0.0F);
  ASSERT_EQ(run(a.data(), b.data(), out.data()), "");
  for (u64 i = 0; i < kCount; ++i) ASSERT_EQ(out[i], float(i) + 2);
}

TEST_F(CudaDispatch, OneArrayTwiceIsOneCopy) {
  std::vector<float> a(kCount, 3), b(kCount, 2);
  ASSERT_EQ(run(a.data(), b.data(), a.data()), "");
  EXPECT_EQ(a, std::vector<float>(kCount, 5));
  const auto calls = fake().calls();
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "cuMemAllocFromPoolAsync"), 2);
}

TEST_F(CudaDispatch, BuffersOfThePoolAreUsedInPlace) {
  const auto a = in_pool(), b = in_pool(), out = in_pool();
  ASSERT_EQ(run(a.get(), b.get(), out.get()), "");
  for (u64 i = 0; i < kCount; ++i) ASSERT_EQ(out.get()[i], 2 * float(i));
  const auto calls = fake().calls();
  for (const char* none : {"cuMemAllocFromPoolAsync", "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync"})
    EXPECT_EQ(std::count(calls.begin(), calls.end(), none), 0) << none;
}

TEST_F(CudaDispatch, MemoryOfTheGpuIsUsedInPlace) {
  auto* const on_gpu = static_cast<float*>(fake().device_memory(kCount * sizeof(float), 0));
  std::fill_n(on_gpu, kCount, 3.0F);  // the fake's is the host's
  DispatchRequest request = add(on_gpu, on_gpu, on_gpu, kCount);
  request.on_gpu = 7;
  const auto job = dispatcher_->start(request, false);
  EXPECT_EQ(outcome(*job), "");
  EXPECT_EQ(on_gpu[kCount - 1], 6.0F);
  const auto calls = fake().calls();
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "cuMemcpyHtoDAsync"), 0);
  fake().free_device_memory(on_gpu);
}

TEST_F(CudaDispatch, MemoryOfAnotherGpuOrOfNoneIsRefused) {
  auto* const other = static_cast<float*>(fake().device_memory(kCount * sizeof(float), 1));
  const auto refused = [&](const DispatchRequest& request) -> std::string {
    try {
      dispatcher_->start(request, false);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_EQ(refused(add(other, other, other, kCount)),
            "vector_add: buffer 'a' is on GPU 1, and this device is GPU 0: copy it there, or set "
            "RINGWAY_CUDA_DEVICE");
  std::vector<float> host(kCount);
  DispatchRequest request = add(host.data(), host.data(), host.data(), kCount);
  request.on_gpu = 1;
  EXPECT_EQ(refused(request),
            "vector_add: buffer 'a' says that it is on a GPU, and CUDA knows of no memory there");
  fake().free_device_memory(other);
}

TEST_F(CudaDispatch, TheOrderOfCallsIsCopyLaunchCopyFree) {
  std::vector<float> a(kCount), b(kCount), out(kCount);
  ASSERT_EQ(run(a.data(), b.data(), out.data()), "");
  auto calls = fake().calls();
  // start() makes a context current and lets it go beside the dispatcher's thread.
  std::erase_if(calls, [](const std::string& name) { return name.starts_with("cuCtx"); });
  const auto begin = std::find(calls.begin(), calls.end(), "cuMemAllocFromPoolAsync");
  const std::vector<std::string> wanted = {
      "cuMemAllocFromPoolAsync", "cuMemAllocFromPoolAsync", "cuMemAllocFromPoolAsync", "cuEventRecord",
      "cuMemcpyHtoDAsync",       "cuMemcpyHtoDAsync",       "cuLaunchKernel",          "cuMemcpyDtoHAsync",
      "cuEventRecord",           "cuMemFreeAsync",          "cuMemFreeAsync",          "cuMemFreeAsync",
      "cuEventSynchronize"};
  ASSERT_GE(std::size_t(calls.end() - begin), wanted.size());
  EXPECT_EQ(std::vector<std::string>(begin, begin + std::ptrdiff_t(wanted.size())), wanted);
}

TEST_F(CudaDispatch, ManyRunInTheOrderOfTheirStart) {
  const auto a = in_pool(), b = in_pool();
  std::fill_n(a.get(), kCount, 1.0F);
  std::fill_n(b.get(), kCount, 1.0F);
  std::vector<std::shared_ptr<DispatchJob>> jobs;
  for (int i = 0; i < 20; ++i)
    jobs.push_back(dispatcher_->start(add(a.get(), b.get(), a.get(), kCount), false));
  for (const auto& job : jobs) EXPECT_EQ(outcome(*job), "");
  EXPECT_EQ(a.get()[kCount - 1], 21.0F);
}

TEST_F(CudaDispatch, OutOfMemoryNamesArgumentAndRemedyAndLeavesNothing) {
  std::vector<float> a(kCount, 1), b(kCount, 1), out(kCount);
  for (int good = 0; good < 3; ++good) {
    fake().fail("cuMemAllocFromPoolAsync", CUDA_ERROR_OUT_OF_MEMORY, good);
    const char* const names[] = {"a", "b", "out"};
    EXPECT_EQ(
        run(a.data(), b.data(), out.data()),
        std::string(kLabel) + ": no memory for a copy of '" + names[good] +
            "': 4000 bytes on fake GPU 0: CUDA: out of memory (CUDA_ERROR_OUT_OF_MEMORY); let buffers go, "
            "or use smaller ones");
    EXPECT_EQ(kind_, ErrorKind::kOutOfMemory);
  }
  EXPECT_EQ(run(a.data(), b.data(), out.data()), "");
}

TEST_F(CudaDispatch, ThePoolSaysWhenThereIsNoPageLockedMemory) {
  fake().fail("cuMemHostAlloc", CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_THROW(pool_->take(4096), Error);
}

TEST_F(CudaDispatch, ALaunchThatFailsLeavesTheDeviceUsable) {
  std::vector<float> a(kCount, 1), b(kCount, 1), out(kCount);
  fake().fail("cuLaunchKernel", CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  EXPECT_EQ(run(a.data(), b.data(), out.data()),
            std::string(kLabel) +
                ": launching vector_add_float32: CUDA: too many resources requested for launch "
                "(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES)");
  EXPECT_EQ(kind_, ErrorKind::kDispatch);
  EXPECT_EQ(out, std::vector<float>(kCount, 0));
  EXPECT_EQ(run(a.data(), b.data(), out.data()), "");
}

TEST_F(CudaDispatch, AFaultLosesTheDeviceAndEveryLaterDispatchSaysWhy) {
  const auto a = in_pool(), out = in_pool();
  fake().fail_kernel(CUDA_ERROR_ILLEGAL_ADDRESS);
  const std::string text =
      std::string(kLabel) +
      ": CUDA: an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS); the device "
      "is of no use to this process any more: start another";
  EXPECT_EQ(run(a.get(), a.get(), out.get()), text);
  EXPECT_EQ(kind_, ErrorKind::kDeviceLost);
  EXPECT_EQ(run(a.get(), a.get(), out.get()).find(std::string(kLabel)), 0U);
  EXPECT_EQ(kind_, ErrorKind::kDeviceLost);
  fake().reset();  // the driver goes on, so that what lives can be counted
}

TEST_F(CudaDispatch, ATimeOutSaysWhoEndsIt) {
  const auto a = in_pool(), out = in_pool();
  fake().fail_kernel(CUDA_ERROR_LAUNCH_TIMEOUT);
  const std::string text = run(a.get(), a.get(), out.get());
  EXPECT_NE(
      text.find("the launch timed out and was terminated (CUDA_ERROR_LAUNCH_TIMEOUT); the driver ends what "
                "keeps a GPU with a display for too long"),
      std::string::npos)
      << text;
  EXPECT_EQ(kind_, ErrorKind::kDeviceLost);
  fake().reset();
}

TEST_F(CudaDispatch, AGridBeyondTheDeviceIsRefused) {
  std::vector<u32> out(1);
  GridRequest grid;
  grid.groups = Extent{1, 65536, 1};
  grid.group = Extent{1, 1, 1};
  std::vector<u32> many(65536);
  const auto request =
      check_dispatch(dispatch_kernel("thread_id"), DType::kU32, grid,
                     {BoundBuffer{reinterpret_cast<u8*>(many.data()), many.size(), DType::kU32, true}}, {});
  try {
    dispatcher_->start(request, false);
    FAIL() << "was started";
  } catch (const Error& error) {
    EXPECT_EQ(
        std::string(error.what()),
        "thread_id: the grid has 65536 groups on axis 1; fake GPU 0 has at most 65535 there: use larger "
        "groups, or another axis");
  }
}

TEST_F(CudaDispatch, AClosedDeviceTakesNothingAndCancelsWhatWaits) {
  const auto a = in_pool(), out = in_pool();
  std::vector<std::shared_ptr<DispatchJob>> jobs;
  for (int i = 0; i < 50; ++i)
    jobs.push_back(dispatcher_->start(add(a.get(), a.get(), out.get(), kCount), false));
  dispatcher_->stop();
  for (const auto& job : jobs) {
    const std::string text = outcome(*job);
    EXPECT_TRUE(text.empty() || text == "vector_add: the dispatch was cancelled") << text;
  }
  EXPECT_THROW(dispatcher_->start(add(a.get(), a.get(), out.get(), kCount), false), Error);
}

TEST_F(CudaDispatch, WorkersAreNoChoice) {
  EXPECT_THROW(open_dispatcher(2), Error);
}

// What fails while a dispatcher is opened leaves nothing.
TEST(CudaOpening, EachStepThatFailsLeavesNothing) {
  for (const char* entry :
       {"cuDevicePrimaryCtxRetain", "cuModuleLoadData", "cuMemPoolCreate", "cuStreamCreate"}) {
    fake().reset();
    gpu();
    fake().fail(entry, CUDA_ERROR_OUT_OF_MEMORY);
    EXPECT_THROW(open_dispatcher(0), Error) << entry;
    EXPECT_EQ(fake().counts().sum(), 0) << entry;
    EXPECT_EQ(fake().violations(), std::vector<std::string>()) << entry;
  }
}

}  // namespace
}  // namespace ringway::cuda
