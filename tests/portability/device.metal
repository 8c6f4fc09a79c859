#include <metal_stdlib>

#include "grid.h"
#include "kernels.h"
#include "pagerank.h"
#include "queue.h"
#include "ringway/atomics_metal.h"
#include "wire.h"

kernel void touch_device(RW_SHARED uchar* memory [[buffer(0)]], device uint* result [[buffer(1)]]) {
  uint words[16];
  *result = ringway::touch_queue<ringway::MetalAtomics>(memory, words);
}

kernel void touch_device_pagerank(RW_SHARED uchar* memory [[buffer(0)]], device uint* result [[buffer(1)]]) {
  *result = ringway::touch_pagerank<float>(memory);
}

kernel void touch_device_wire(RW_SHARED uchar* memory [[buffer(0)]], device uint* result [[buffer(1)]]) {
  *result = ringway::touch_wire(memory, 64);
}

kernel void touch_device_kernels(RW_SHARED uchar* memory [[buffer(0)]], device uint* result [[buffer(1)]]) {
  *result = ringway::touch_kernels<ringway::MetalAtomics>(memory);
}

kernel void touch_device_grid(RW_SHARED uchar* memory [[buffer(0)]],
                              threadgroup uchar* group [[threadgroup(0)]]) {
  ringway::touch_grid(memory, group);
}
