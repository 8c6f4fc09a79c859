#include "grid.h"
#include "kernels.h"
#include "pagerank.h"
#include "queue.h"
#include "ringway/atomics_host.h"
#include "wire.h"

unsigned touch_host(unsigned char* memory, unsigned* words) {
  return ringway::touch_queue<ringway::HostAtomics<ringway::u64>>(memory, words) +
         ringway::touch_queue<ringway::HostAtomics<ringway::u32>>(memory, words);
}

unsigned touch_host_pagerank(unsigned char* memory) {
  return ringway::touch_pagerank<double>(memory);
}

unsigned touch_host_wire(unsigned char* memory) {
  return ringway::touch_wire(memory, 64);
}

unsigned touch_host_kernels(unsigned char* memory) {
  return ringway::touch_kernels<ringway::HostAtomics<ringway::u64>>(memory);
}

void touch_host_grid(unsigned char* memory, unsigned char* group) {
  ringway::touch_grid(memory, group);
  ringway::LoneThread lone = {group};
  ringway::touch_grid_of<double>(memory, &lone);
  ringway::touch_grid_of<ringway::i64>(memory, &lone);
  ringway::touch_grid_of<ringway::u64>(memory, &lone);
}
