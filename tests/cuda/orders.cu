// Each ordered operation of a queue, alone in an entry of its own, at each scope and for each kind of link; test_cuda_orders
// reads what nvcc made of it.
#include "ringway/atomics.h"

using namespace ringway;

#define RINGWAY_ORDERS(name, scope)                                                                  \
  extern "C" __global__ void load_ready_##name(PackedHead* slot, u64* out) {                         \
    *out = CudaAtomics<u64, scope>::load_ready(slot);                                                \
  }                                                                                                  \
  extern "C" __global__ void store_publish_##name(PackedHead* slot, u32 sequence, u32 size) {        \
    CudaAtomics<u64, scope>::store_publish(slot, sequence, size);                                    \
  }                                                                                                  \
  extern "C" __global__ void fenced_load_ready_##name(PackedHead* slot, u64* out) {                  \
    *out = CudaAtomics<u64, scope, true>::load_ready(slot);                                          \
    CudaAtomics<u64, scope, true>::after_ready();                                                    \
  }                                                                                                  \
  extern "C" __global__ void fenced_store_publish_##name(PackedHead* slot, u32 sequence, u32 size) { \
    CudaAtomics<u64, scope, true>::before_publish();                                                 \
    CudaAtomics<u64, scope, true>::store_publish(slot, sequence, size);                              \
  }                                                                                                  \
  extern "C" __global__ void claim_index_##name(u64* index, u64* expected, u64 desired, u32* out) {  \
    *out = CudaAtomics<u64, scope>::claim_index(index, expected, desired);                           \
  }

RINGWAY_ORDERS(block, cuda::thread_scope_block)
RINGWAY_ORDERS(device, cuda::thread_scope_device)
RINGWAY_ORDERS(system, cuda::thread_scope_system)

#define RINGWAY_LINK(name, Policy)                                                   \
  extern "C" __global__ void receive_##name(PackedHead* slot, u64* out) {            \
    *out = Policy::load_ready(slot);                                                 \
    Policy::after_ready();                                                           \
  }                                                                                  \
  extern "C" __global__ void send_##name(PackedHead* slot, u32 sequence, u32 size) { \
    Policy::before_publish();                                                        \
    Policy::store_publish(slot, sequence, size);                                     \
  }

RINGWAY_LINK(host_link, HostLinkAtomics)
RINGWAY_LINK(device_link, DeviceLinkAtomics)
