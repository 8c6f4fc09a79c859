// Dispatch kernels in which every thread has an element of its own: thread_id, vector_add, vector_scale,
// double_in_place. The element is the thread's number, row by row, in a grid of one, two or three axes.
#pragma once
#include "../grid.h"

namespace ringway {

// out[i] = i
template <class T>
struct ThreadId {
  enum : bool { kBarriers = false };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED T* out) {
    const u64 i = thread_index(ctx);
    out[i] = T(i);
  }
};

// out[i] = a[i] + b[i]
template <class T>
struct VectorAdd {
  enum : bool { kBarriers = false };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* a, RW_SHARED const T* b, RW_SHARED T* out) {
    const u64 i = thread_index(ctx);
    out[i] = add_wrapped(a[i], b[i]);
  }
};

// out[i] = a[i] * factor
template <class T>
struct VectorScale {
  enum : bool { kBarriers = false };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* a, RW_SHARED T* out, T factor) {
    const u64 i = thread_index(ctx);
    out[i] = multiply_wrapped(a[i], factor);
  }
};

// values[i] += values[i]
template <class T>
struct DoubleInPlace {
  enum : bool { kBarriers = false };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED T* values) {
    const u64 i = thread_index(ctx);
    values[i] = add_wrapped(values[i], values[i]);
  }
};

}  // namespace ringway
