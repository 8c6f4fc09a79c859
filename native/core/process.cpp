#include "core/process.h"

#include <pthread.h>

#include "ringway/atomics_runtime.h"

namespace ringway {
namespace {

u32 forks = 0;

}  // namespace

u32 process_number() {
  static const bool watching = [] {
    // Relaxed: the child has one thread when it counts.
    pthread_atfork(nullptr, nullptr, [] { atomic::store_relaxed(&forks, forks + 1); });
    return true;
  }();
  return watching ? atomic::load_relaxed(&forks) : 0;
}

}  // namespace ringway
