// matrix_multiply: out = a × b, row-major, one thread for each element of out: a grid of (columns of out, rows of out).
// A group goes along the inner dimension in steps of kTile; in each it takes its rows of `a` and its columns of `b` into
// threadgroup memory, so that an element of `a` is read from shared memory once per group, not once per thread.
#pragma once
#include "../grid.h"

namespace ringway {

enum : u32 { kTile = 16 };

template <class T>
struct MatrixMultiply {
  enum : bool { kBarriers = true };
  template <class Ctx>
  static RW_FN void run(RW_PRIVATE Ctx* ctx, RW_SHARED const T* a, RW_SHARED const T* b, RW_SHARED T* out,
                        u32 inner) {
    const u64 columns = ctx->grid_size(0);
    const u32 width = ctx->group_size(0);
    const u32 height = ctx->group_size(1);
    const u32 x = ctx->thread_in_group(0);
    const u32 y = ctx->thread_in_group(1);
    const u64 first_column = ctx->thread_in_grid(0) - x;
    const u64 first_row = ctx->thread_in_grid(1) - y;
    const u32 me = y * width + x;
    const u32 all = width * height;
    RW_GROUP T* rows = (RW_GROUP T*)ctx->group_memory();  // height × kTile
    RW_GROUP T* cols = rows + height * kTile;             // kTile × width
    T sum = T(0);
    for (u64 done = 0; done < inner; done += kTile) {
      const u32 depth = inner - done < kTile ? u32(inner - done) : u32(kTile);
      for (u32 i = me; i < height * kTile; i += all) {
        if (i % kTile < depth) rows[i] = a[(first_row + i / kTile) * inner + done + i % kTile];
      }
      for (u32 i = me; i < depth * width; i += all)
        cols[i] = b[(done + i / width) * columns + first_column + i % width];
      ctx->barrier();
      for (u32 k = 0; k < depth; ++k)
        sum = add_wrapped(sum, multiply_wrapped(rows[y * kTile + k], cols[k * width + x]));
      ctx->barrier();
    }
    out[(first_row + y) * columns + first_column + x] = sum;
  }
};

}  // namespace ringway
