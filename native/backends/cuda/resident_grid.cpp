#include "backends/cuda/resident_grid.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "backends/cuda/errors.h"
#include "backends/cuda/images.h"

namespace ringway::cuda {

// What the thread uses, which may live longer than the runtime.
struct ResidentGrid::Thread {
  explicit Thread(std::shared_ptr<const CudaContext> of) : context(std::move(of)) {}
  ~Thread() {
    const Current current(*context);
    if (end_event) driver.cuEventDestroy(end_event);
    if (beside) driver.cuStreamDestroy(beside);
    if (stream) driver.cuStreamDestroy(stream);
    if (module) driver.cuModuleUnload(module);
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  void run();
  End fly(const RingGrid& grid, u32 blocks) const;

  const std::shared_ptr<const CudaContext> context;
  const CudaDriver& driver = context->driver;
  u32 threads = 0;
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  CUstream stream = nullptr, beside = nullptr;
  CUevent end_event = nullptr;

  std::mutex changing;  // of all that follows
  std::condition_variable changed;
  std::optional<std::pair<RingGrid, u32>> next;
  bool busy = false, stop = false;
  std::optional<End> ended;
  std::shared_ptr<void> kept;
  std::thread itself;
};

void ResidentGrid::Thread::run() {
  const Current current(*context);
  std::unique_lock lock(changing);
  for (;;) {
    changed.wait(lock, [&] { return stop || next; });
    if (!next) return;
    const auto [grid, blocks] = *std::exchange(next, std::nullopt);
    busy = true;
    lock.unlock();
    const End end = fly(grid, blocks);
    lock.lock();
    busy = false;
    ended = end;
    changed.notify_all();
  }
}

ResidentGrid::End ResidentGrid::Thread::fly(const RingGrid& grid, u32 blocks) const {
  RingGrid shown = grid;
  void* parameters[] = {&shown};
  for (;; blocks = (blocks + 1) / 2) {
    const CUresult result =
        driver.cuLaunchCooperativeKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, parameters);
    // Others have taken of the device since it was asked.
    if (result == CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE && blocks > 1) continue;
    if (result != CUDA_SUCCESS) return {grid.number, false, result, blocks};
    break;
  }
  CUresult result = driver.cuEventRecord(end_event, stream);
  if (result == CUDA_SUCCESS) result = driver.cuEventSynchronize(end_event);
  // Without the event, too, the grid is there, and has an end.
  if (result != CUDA_SUCCESS) result = driver.cuStreamSynchronize(stream);
  return {grid.number, true, result, blocks};
}

ResidentGrid::ResidentGrid(std::shared_ptr<const CudaContext> context, u32 most_blocks, u32 threads)
    : thread_(std::make_shared<Thread>(std::move(context))) {
  Thread& of = *thread_;
  const CudaDriver& driver = of.driver;
  const Current current(*of.context);
  of.threads = threads;
  ensure(driver, driver.cuModuleLoadData(&of.module, image_of_ring_kernels),
         "backend 'cuda': loading the ring kernels on " + of.context->gpu.name);
  ensure(driver, driver.cuModuleGetFunction(&of.function, of.module, "ring_grid"),
         "backend 'cuda': the grid of ring kernels");
  int on_processor = 0;
  ensure(driver,
         driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(&on_processor, of.function, int(threads), 0),
         "backend 'cuda': asking how many blocks of ring kernels run at the same time");
  most_blocks_ = std::min(most_blocks, std::max(1U, u32(on_processor) * of.context->gpu.processors));
  // Not ordered with the default stream, which others wait for.
  for (CUstream* stream : {&of.stream, &of.beside})
    ensure(driver, driver.cuStreamCreate(stream, CU_STREAM_NON_BLOCKING), "backend 'cuda': a stream");
  ensure(driver, driver.cuEventCreate(&of.end_event, CU_EVENT_DISABLE_TIMING | CU_EVENT_BLOCKING_SYNC),
         "backend 'cuda': an event");
  of.itself = std::thread([shared = thread_] { shared->run(); });
}

ResidentGrid::~ResidentGrid() {
  Thread& of = *thread_;
  {
    std::lock_guard lock(of.changing);
    of.stop = true;
    of.changed.notify_all();
  }
  if (of.itself.joinable()) of.itself.join();
}

void ResidentGrid::launch(const RingGrid& grid, u32 blocks) {
  std::lock_guard lock(thread_->changing);
  thread_->ended.reset();
  thread_->next.emplace(grid, std::min(blocks, most_blocks_));
  thread_->changed.notify_all();
}

std::optional<ResidentGrid::End> ResidentGrid::end() const {
  std::lock_guard lock(thread_->changing);
  return thread_->ended;
}

void ResidentGrid::settle() {
  std::unique_lock lock(thread_->changing);
  thread_->changed.wait(lock, [&] { return !thread_->next && !thread_->busy; });
}

void ResidentGrid::clear(u64 address, u64 bytes) const {
  const Thread& of = *thread_;
  const Current current(*of.context);
  ensure(of.driver, of.driver.cuMemsetD8Async(address, 0, bytes, of.beside),
         "clearing memory of ring kernels");
  ensure(of.driver, of.driver.cuStreamSynchronize(of.beside), "clearing memory of ring kernels");
}

void ResidentGrid::set_before_next(u64 address, u8 value, u64 bytes) const {
  const Thread& of = *thread_;
  const Current current(*of.context);
  ensure(of.driver, of.driver.cuMemsetD8Async(address, value, bytes, of.stream),
         "writing memory of ring kernels");
}

void ResidentGrid::abandon(std::shared_ptr<void> kept) {
  std::lock_guard lock(thread_->changing);
  thread_->kept = std::move(kept);
  thread_->itself.detach();
}

}  // namespace ringway::cuda
