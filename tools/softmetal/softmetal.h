// What tests may ask of the software Metal device beyond Metal; docs/softmetal.md says the same of the environment.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// 0: plain order, threadgroups side by side. Else threadgroups in turns, in an order that the seed decides.
void softmetal_set_seed(uint64_t seed);
// Under a seed, how many threadgroups are in progress at once; 1: each to its end; 0: the seed decides, 1 to 4.
void softmetal_set_resident(unsigned groups);
// Under a seed, whether kernels see what the host writes while a command buffer runs late and in any order.
void softmetal_set_late_host(int on);
// After how many seconds a dispatch fails with MTLCommandBufferErrorTimeout.
void softmetal_set_timeout(double seconds);
// What command buffers say that the GPU took for them; 0: what it took.
void softmetal_set_gpu_time(double seconds);
// Whether command buffers that are committed wait before they begin.
void softmetal_hold(int on);
// Objects that were not freed; `kind` is SMBuffer, SMCommandBuffer, SMCommandQueue, SMComputeEncoder, SMBlitEncoder,
// SMEvent, SMFunction, SMLibrary or SMPipeline, null for all.
long softmetal_live_objects(const char* kind);
// Objects of that kind that were ever made.
long softmetal_made_objects(const char* kind);
// The next `count` objects of that kind, a buffer, queue, command buffer or encoder, are nil where they are asked for.
void softmetal_refuse_objects(const char* kind, long count);
// The next `count` command buffers, -1: all, end with that code of MTLCommandBufferError before their first command.
void softmetal_fail_command_buffers(int code, long count);
// Intervals of signposts that began and ended; and the ends and beginnings that have no other side yet, or have a wrong one.
long softmetal_paired_signposts(void);
long softmetal_unpaired_signposts(void);

#ifdef __cplusplus
}
#endif
