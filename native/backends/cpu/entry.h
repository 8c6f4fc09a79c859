// Makes a handler of include/ringway/kernels into an entry of the CPU backend's table.
#pragma once
#include <type_traits>
#include <utility>

#include "backends/cpu/context.h"

namespace ringway::cpu {

template <class Handler>
u32 turn_of(Context* context, Inlet* input, u32 batch, void* state, DrainStatus* status) {
  auto* typed = static_cast<typename Handler::State*>(state);
  if (input->is_shared) return ring_turn<Atomics, Handler>(context, &input->shared, batch, typed, status);
  return ring_turn<Atomics, Handler>(context, &input->alone, batch, typed, status);
}

template <class Handler>
Entry kernel_of(KernelType type) {
  static_assert(std::is_trivially_copyable_v<typename Handler::State>, "state is zero-filled memory");
  return {std::move(type), u32(sizeof(typename Handler::State)), &turn_of<Handler>};
}

}  // namespace ringway::cpu
