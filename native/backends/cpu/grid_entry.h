// Makes a dispatch kernel of include/ringway/kernels into functions of the CPU backend's table.
#pragma once
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "backends/cpu/grid_context.h"

namespace ringway::cpu {

// Runs `count` groups from number `first`; false when one failed, whose place and reason the runner then has.
using RunGroups = bool (*)(const DispatchRequest& request, GroupRunner* runner, u64 first, u64 count);

struct GridEntry {
  std::string name;
  DType element;
  std::vector<RunGroups> passes;  // each begins when the one before has ended
  bool barriers;
};

template <class T>
T argument_of(u64 word) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<T>(word);
  } else {
    static_assert(sizeof(T) <= sizeof(word), "scalars have at most 8 bytes");
    T value;
    std::memcpy(&value, &word, sizeof(T));
    return value;
  }
}

template <class Kernel, class... A>
bool loop_groups(const Grid& grid, u8* memory, u64 first, u64 count, A... arguments) {
  GroupPlace place(grid, first);
  for (; count; --count, place.next()) {
    LoopContext context(place, memory);
    const Extent size = place.size;
    for (u64 z = 0; z < size[2]; ++z) {
      for (u64 y = 0; y < size[1]; ++y) {
        for (u64 x = 0; x < size[0]; ++x) {
          context.stand(x, y, z);
          Kernel::run(&context, arguments...);
        }
      }
    }
  }
  return true;
}

template <class Kernel, class... A>
struct GroupOnFibers {
  const GroupPlace& place;
  GroupRunner* runner;
  std::tuple<A...> arguments;

  static void thread(void* self, u32 number) {
    auto& group = *static_cast<GroupOnFibers*>(self);
    FiberContext context(group.place, group.runner);
    const Extent& size = group.place.size;
    context.stand(number % size[0], number / size[0] % size[1], number / size[0] / size[1]);
    std::apply([&](A... arguments) { Kernel::run(&context, arguments...); }, group.arguments);
  }
};

template <class Kernel, class... A>
bool fiber_groups(const DispatchRequest& request, GroupRunner* runner, u64 first, u64 count, A... arguments) {
  constexpr int kPoison = 0xFF;  // NaN, -1: what a kernel reads without having written it stands out
  GroupPlace place(request.grid, first);
  for (; count; --count, place.next()) {
    std::memset(runner->memory(), kPoison, request.group_bytes);
    GroupOnFibers<Kernel, A...> group{place, runner, {arguments...}};
    if (!runner->run(u32(count_of(place.size)), &GroupOnFibers<Kernel, A...>::thread, &group)) {
      runner->locate("group (" + std::to_string(place.at[0]) + ", " + std::to_string(place.at[1]) + ", " +
                     std::to_string(place.at[2]) + ")");
      return false;
    }
  }
  return true;
}

template <class Kernel, class Context, class... A, std::size_t... I>
bool run_groups_of(void (*)(Context*, A...), std::index_sequence<I...>, const DispatchRequest& request,
                   GroupRunner* runner, u64 first, u64 count) {
  if constexpr (Kernel::kBarriers) {
    return fiber_groups<Kernel, A...>(request, runner, first, count, argument_of<A>(request.words[I])...);
  } else {
    return loop_groups<Kernel, A...>(request.grid, runner->memory(), first, count,
                                     argument_of<A>(request.words[I])...);
  }
}

template <class Context, class... A>
constexpr std::size_t arguments_of(void (*)(Context*, A...)) {
  return sizeof...(A);
}

template <class Kernel>
bool run_groups(const DispatchRequest& request, GroupRunner* runner, u64 first, u64 count) {
  using Context = std::conditional_t<Kernel::kBarriers, FiberContext, LoopContext>;
  constexpr auto kRun = &Kernel::template run<Context>;
  constexpr std::size_t kCount = arguments_of(kRun);
  static_assert(kCount <= kMostArguments, "raise kMostArguments");
  return run_groups_of<Kernel>(kRun, std::make_index_sequence<kCount>(), request, runner, first, count);
}

// One kernel for one element type; its passes in order.
template <class... Passes>
GridEntry grid_kernel(const char* name, DType element) {
  return {name, element, {&run_groups<Passes>...}, (Passes::kBarriers || ...)};
}

}  // namespace ringway::cpu
