#include "queue.h"
#include "ringway/atomics_host.h"

unsigned touch_host(unsigned char* memory, unsigned* words) {
  return ringway::touch_queue<ringway::HostAtomics<ringway::u64>>(memory, words) +
         ringway::touch_queue<ringway::HostAtomics<ringway::u32>>(memory, words);
}
