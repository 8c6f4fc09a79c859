// A hint: memory that will be read soon.
#pragma once
#include "config.h"

namespace ringway {

// Nothing on GPUs, where other threads fill the wait.
#if RW_LANGUAGE == RW_LANGUAGE_HOST
RW_FN void expect_read(const void* at) {
  __builtin_prefetch(at);
}
#else
RW_FN void expect_read(RW_SHARED const void*) {}
#endif

}  // namespace ringway
