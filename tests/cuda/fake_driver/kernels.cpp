// The kernels of both levels, entry points and all, as the host runs them.
#include "cuda/fake_driver/device.h"

#include "backends/cpu/group.h"
#include "backends/cuda/grid_kernels.cu"
#include "backends/cuda/ring_kernels.cu"

#include <chrono>
#include <mutex>
#include <thread>

thread_local FakeIndex threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr std::size_t kRoom = kMostGroupBytes;
constexpr unsigned char kPoison = 0xFF;

cpu::GroupRunner* runner = nullptr;  // null: the thread is beyond the grid, and may meet no barrier
bool wrong_barrier = false;

}  // namespace

namespace ringway {
ulonglong2 ringway_group_memory[2 * kRoom / sizeof(ulonglong2)];  // the second half is a guard
}  // namespace ringway

void __syncthreads() {
  const FakeIndex mine = threadIdx;
  if (!runner) {
    wrong_barrier = true;
    return;
  }
  runner->barrier(1);
  threadIdx = mine;
}

void __nanosleep(unsigned ns) {
  if (fake_cuda::faults().trapped) throw fake_cuda::Trapped();
  // The system's timer is coarser than the GPU's.
  ns < 1000 ? std::this_thread::yield() : std::this_thread::sleep_for(std::chrono::nanoseconds(10 * ns));
}

namespace fake_cuda {

Faults& faults() {
  static auto* const one = new Faults;
  return *one;
}

void enter_handler() {
  Faults& all = faults();
  ++all.in_handler;
  if (all.traps_in && --all.traps_in == 0) all.trapped = true;
  while (all.hangs && !all.trapped) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (!all.trapped) return;
  --all.in_handler;
  throw Trapped();
}

void leave_handler() {
  --faults().in_handler;
}

namespace {

struct Block {
  const Launch& launch;
  std::vector<void*> parameters;
  std::vector<FakeIndex> inside;

  static void thread(void* self, u32 number) {
    auto& block = *static_cast<Block*>(self);
    threadIdx = block.inside[number];
    block.launch.kernel->call(block.parameters.data());
  }
};

std::string run_block(Block& block, cpu::GroupRunner& own) {
  const GridThreads& grid = *static_cast<const GridThreads*>(block.parameters[0]);
  auto* const memory = reinterpret_cast<unsigned char*>(ringway_group_memory);
  std::memset(memory, kPoison, 2 * kRoom);
  block.inside.clear();
  runner = nullptr;
  for (unsigned z = 0; z < blockDim.z; ++z) {
    for (unsigned y = 0; y < blockDim.y; ++y) {
      for (unsigned x = 0; x < blockDim.x; ++x) {
        threadIdx = {x, y, z};
        if (blockIdx.x * u64(blockDim.x) + x < grid.axes[0] &&
            blockIdx.y * u64(blockDim.y) + y < grid.axes[1] &&
            blockIdx.z * u64(blockDim.z) + z < grid.axes[2]) {
          block.inside.push_back(threadIdx);
        } else {
          block.launch.kernel->call(block.parameters.data());
        }
      }
    }
  }
  if (wrong_barrier) return "a thread beyond the grid came to a barrier";
  runner = &own;
  if (!own.run(u32(block.inside.size()), &Block::thread, &block)) return own.failure();
  for (std::size_t i = block.launch.group_bytes; i < 2 * kRoom; ++i) {
    if (memory[i] != kPoison)
      return "threadgroup memory was written beyond its " + std::to_string(block.launch.group_bytes) +
             " bytes";
  }
  return {};
}

}  // namespace

std::map<std::string, Kernel>& kernels() {
  static auto* const all = new std::map<std::string, Kernel>;
  return *all;
}

std::string run(const Launch& launch) {
  static std::mutex one_at_a_time;
  const std::lock_guard hold(one_at_a_time);
  static cpu::GroupRunner own;
  Block block{launch, {}, {}};
  for (const auto& parameter : launch.parameters)
    block.parameters.push_back(const_cast<unsigned char*>(parameter.data()));
  gridDim = launch.groups;
  blockDim = launch.group;
  wrong_barrier = false;
  for (unsigned z = 0; z < gridDim.z; ++z) {
    for (unsigned y = 0; y < gridDim.y; ++y) {
      for (unsigned x = 0; x < gridDim.x; ++x) {
        blockIdx = {x, y, z};
        if (std::string wrong = run_block(block, own); !wrong.empty()) return wrong;
      }
    }
  }
  return {};
}

void run_alone(const Launch& launch, unsigned block) {
  std::vector<void*> parameters;
  for (const auto& parameter : launch.parameters)
    parameters.push_back(const_cast<unsigned char*>(parameter.data()));
  gridDim = launch.groups;
  blockDim = launch.group;
  blockIdx = {block, 0, 0};
  threadIdx = {0, 0, 0};
  launch.kernel->call(parameters.data());
}

}  // namespace fake_cuda
