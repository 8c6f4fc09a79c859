// A CUDA runtime on the fake driver, for tests of ring kernels.
#pragma once
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "backends/cuda/backend.h"
#include "cuda/fake_driver/control.h"
#include "native/runtime_harness.h"

namespace ringway::test {

inline constexpr double kPatience = 20;  // seconds; what stands still must say so

inline fake_cuda::Control& fake() {
  static fake_cuda::Control* const control = [] {
    setenv("RINGWAY_CUDA_DRIVER", FAKE_CUDA_DRIVER, 1);
    void* const library = dlopen(FAKE_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
    return reinterpret_cast<fake_cuda::GetControl>(dlsym(library, fake_cuda::kGetControl))();
  }();
  return *control;
}

inline u64 launches() {
  const auto calls = fake().calls();
  return u64(std::count(calls.begin(), calls.end(), "cuLaunchCooperativeKernel"));
}

class CudaRings : public testing::Test {
 protected:
  void SetUp() override {
    fake().reset();
    unsetenv("RINGWAY_CUDA_LEAVE_MS");
    register_backend(cuda::backend());
  }
  void TearDown() override {
    if (runtime) runtime->close();
    kernels.clear();
    runtime.reset();
    EXPECT_EQ(fake().counts().sum(), 0);
    EXPECT_EQ(fake().violations(), std::vector<std::string>());
  }

  // Grids leave every `leave_ms`; 0: when nothing moves.
  void start(const char* leave_ms, double watchdog = 0) {
    setenv("RINGWAY_CUDA_LEAVE_MS", leave_ms, 1);
    RuntimeOptions options;
    options.backend = "cuda";
    options.watchdog = watchdog;
    runtime = Runtime::start(options);
  }
  Kernel& launch(const char* kernel, LaunchOptions options = {}) {
    options.capacity = options.staging_capacity = 16;
    kernels.push_back(runtime->launch(kernel, "", options));
    kernels.back()->activate();
    return *kernels.back();
  }
  static std::string numbered(u32 i) { return "message " + std::to_string(i) + std::string(i % 97, '.'); }
  static void expect_in_order(Kernel& from, u32 count) {
    for (u32 i = 0; i < count; ++i) ASSERT_EQ(receive(from, kPatience), numbered(i)) << "as number " << i;
  }
  static void send_numbered(Kernel& to, u32 count) {
    for (u32 i = 0; i < count; ++i) send(to, numbered(i));
  }
  static u64 count_of(Kernel& faulty) {
    const std::string answer = ask(faulty, "count", kPatience);
    u64 count = 0;
    std::memcpy(&count, answer.data(), sizeof(count));
    return count;
  }
  // What `work` throws; empty when nothing.
  template <class Work>
  std::string error_of(const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      kind = error.kind();
      return error.what();
    }
    return {};
  }

  std::shared_ptr<Runtime> runtime;
  std::vector<std::shared_ptr<Kernel>> kernels;
  ErrorKind kind{};
};

inline bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ringway::test
