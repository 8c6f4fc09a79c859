// The words of CUDA C++ that grid_kernels.cu and grid_context.h use, for a host compiler: a block's threads run as fibers of
// one thread of the system. Included before them.
#pragma once
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
extern FakeIndex threadIdx, blockIdx, blockDim, gridDim;
void __syncthreads();

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

// A launch; runs all of it. Returns what went wrong, empty when nothing did.
struct Launch {
  const Kernel* kernel = nullptr;
  FakeIndex groups{}, group{};
  unsigned group_bytes = 0;
  std::vector<std::vector<unsigned char>> parameters;
};
std::string run(const Launch& launch);

}  // namespace fake_cuda

#define RINGWAY_ENTRY(name, ...)                                 \
  static void name(__VA_ARGS__);                                 \
  static const fake_cuda::Entry registered_##name(#name, &name); \
  static void name(__VA_ARGS__)
