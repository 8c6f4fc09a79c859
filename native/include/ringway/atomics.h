// The policies of this environment: `DefaultAtomics` for queues, `GridAtomics` for dispatch kernels. What a queue shared between environments needs besides
// (another ticket width, another scope) is a template argument of the policies themselves.
#pragma once
#include "config.h"

#if RW_LANGUAGE == RW_LANGUAGE_METAL
#include "atomics_metal.h"
namespace ringway {
typedef MetalAtomics DefaultAtomics;
typedef MetalGridAtomics GridAtomics;
}  // namespace ringway
#elif RW_LANGUAGE == RW_LANGUAGE_CUDA
#include "atomics_cuda.h"
namespace ringway {
typedef CudaAtomics<u64, cuda::thread_scope_device> DefaultAtomics;
typedef CudaGridAtomics GridAtomics;
}  // namespace ringway
#else
#include "atomics_host.h"
namespace ringway {
typedef HostAtomics<u64> DefaultAtomics;
typedef HostGridAtomics GridAtomics;
}  // namespace ringway
#endif
