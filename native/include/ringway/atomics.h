// The policy of this environment: `DefaultAtomics`. What a queue shared between environments needs besides
// (another ticket width, another scope) is a template argument of the policies themselves.
#pragma once
#include "config.h"

#if RW_LANGUAGE == RW_LANGUAGE_METAL
#include "atomics_metal.h"
namespace ringway {
typedef MetalAtomics DefaultAtomics;
}
#elif RW_LANGUAGE == RW_LANGUAGE_CUDA
#include "atomics_cuda.h"
namespace ringway {
typedef CudaAtomics<u64, cuda::thread_scope_device> DefaultAtomics;
}
#else
#include "atomics_host.h"
namespace ringway {
typedef HostAtomics<u64> DefaultAtomics;
}
#endif
