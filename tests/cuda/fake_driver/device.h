// The words of CUDA C++ that the .cu files use, for a host compiler: a block's threads run as fibers of one thread of the
// system, and each block of a cooperative grid on a thread of its own. Included before them.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#define __device__
#define __global__
#define __shared__

struct alignas(16) ulonglong2 {
  unsigned long long x, y;
};

struct FakeIndex {
  unsigned x, y, z;
};
// Of the thread whose turn it is.
extern thread_local FakeIndex threadIdx, blockIdx, blockDim, gridDim;
void __syncthreads();
void __nanosleep(unsigned ns);

namespace fake_cuda {

// An entry of the image.
struct Kernel {
  struct Parameter {
    std::size_t bytes;
    bool pointer;
  };
  std::vector<Parameter> parameters;
  std::function<void(void**)> call;
};

std::map<std::string, Kernel>& kernels();

template <class... A>
struct Entry {
  Entry(const char* name, void (*function)(A...)) {
    kernels()[name] = {{{sizeof(A), std::is_pointer_v<A>}...}, [function](void** parameters) {
                         call(function, parameters, std::index_sequence_for<A...>());
                       }};
  }
  template <std::size_t... I>
  static void call(void (*function)(A...), void** parameters, std::index_sequence<I...>) {
    function(*static_cast<A*>(parameters[I])...);
  }
};

// What a test makes the blocks of cooperative grids do. A trap ends all of them, where they sleep or begin with a handler.
struct Faults {
  std::atomic<bool> hangs{false};  // handlers do not return, until this is taken back
  std::atomic<int> traps_in{0};    // the handler that begins next but so many traps; 0: none does
  std::atomic<bool> trapped{false};
  std::atomic<int> in_handler{0};  // now
};
Faults& faults();
struct Trapped {};
void enter_handler();
void leave_handler();

// Stands around each handler of the image.
template <class Handler>
struct Watched : Handler {
  template <class Context, class... A>
  static unsigned drain(Context* context, A... arguments) {
    struct Inside {
      Inside() { enter_handler(); }
      ~Inside() { leave_handler(); }
    } const inside;
    return Handler::drain(context, arguments...);
  }
};

// A launch; runs all of it. Returns what went wrong, empty when nothing did.
struct Launch {
  const Kernel* kernel = nullptr;
  FakeIndex groups{}, group{};
  unsigned group_bytes = 0;
  std::vector<std::vector<unsigned char>> parameters;
};
std::string run(const Launch& launch);
// One block of a cooperative grid, on this thread.
void run_alone(const Launch& launch, unsigned block);

}  // namespace fake_cuda

#define RINGWAY_ENTRY(name, ...)                                 \
  static void name(__VA_ARGS__);                                 \
  static const fake_cuda::Entry registered_##name(#name, &name); \
  static void name(__VA_ARGS__)
#define RINGWAY_HANDLER(...) fake_cuda::Watched<__VA_ARGS__>
