#include <metal_stdlib>

#include "queue.h"
#include "ringway/atomics_metal.h"

kernel void touch_device(RW_SHARED uchar* memory [[buffer(0)]], device uint* result [[buffer(1)]]) {
  uint words[16];
  *result = ringway::touch_queue<ringway::MetalAtomics>(memory, words);
}
