// The policies of this environment: `DefaultAtomics` for queues, `GridAtomics` for dispatch kernels, and for the queues of
// ring kernels on a device, each side of which has one owner: `HostLinkAtomics` between the device and its host,
// `DeviceLinkAtomics` between two kernels of the device. Host code that shares such a queue uses these names too.
#pragma once
#include "config.h"

#if RW_LANGUAGE == RW_LANGUAGE_METAL
#include "atomics_metal.h"
namespace ringway {
typedef MetalAtomics DefaultAtomics;
typedef MetalGridAtomics GridAtomics;
typedef MetalSealedAtomics HostLinkAtomics;
typedef MetalAtomics DeviceLinkAtomics;
}  // namespace ringway
#elif RW_LANGUAGE == RW_LANGUAGE_CUDA
#include "atomics_cuda.h"
namespace ringway {
typedef CudaAtomics<u64, cuda::thread_scope_device> DefaultAtomics;
typedef CudaGridAtomics GridAtomics;
// One object, one scope. Fences, because one serves a whole batch, and a poll that finds nothing costs none.
typedef CudaAtomics<u32, cuda::thread_scope_system, true> HostLinkAtomics;
typedef CudaAtomics<u32, cuda::thread_scope_device, true> DeviceLinkAtomics;
}  // namespace ringway
#else
#include "atomics_host.h"
namespace ringway {
typedef HostAtomics<u64> DefaultAtomics;
typedef HostGridAtomics GridAtomics;
typedef HostAtomics<u32> HostLinkAtomics;
typedef HostAtomics<u32> DeviceLinkAtomics;
}  // namespace ringway
#endif
