// The arithmetic of PageRank over the plan's layout: no messages here.
#pragma once
#include "../expect_read.h"
#include "pagerank_layout.h"

namespace ringway {

// How far ahead of its use memory that is read in order is asked for: processors' own prefetching falls behind such
// short loops. Room for it is not needed, since asking for what is not there does nothing.
enum : u32 { kBytesAhead = 2048, kColumnsOfLine = kLine / (2 * kLanes) };

// Adds what the sources of a tile give to each row of its window.
template <class T, bool kWeighted>
RW_FN void add_tile(RW_SHARED const u8* at, u32 runs, RW_SHARED const T* from, RW_SHARED T* sum) {
  RW_SHARED const u32* run = (RW_SHARED const u32*)at;
  at += (runs * kRunBytes + kSliceAlign - 1) / kSliceAlign * kSliceAlign;
  for (u32 r = 0; r < runs; ++r, run += 2) {
    const u32 width = run[0];
    for (u32 left = run[1]; left != 0; --left) {
      RW_SHARED const u16* row = (RW_SHARED const u16*)at;
      RW_SHARED const u16* id = row + kLanes;
      RW_SHARED const T* value = (RW_SHARED const T*)(id + u64(width) * kLanes);
      expect_read(at + kBytesAhead);
      T s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
      for (u32 j = 0; j < width; ++j, id += kLanes) {
        if (j % kColumnsOfLine == kColumnsOfLine - 1) expect_read((RW_SHARED const u8*)id + kBytesAhead);
        if (kWeighted) {
          expect_read((RW_SHARED const u8*)value + kBytesAhead);
          s0 += from[id[0]] * value[0];
          s1 += from[id[1]] * value[1];
          s2 += from[id[2]] * value[2];
          s3 += from[id[3]] * value[3];
          s4 += from[id[4]] * value[4];
          s5 += from[id[5]] * value[5];
          s6 += from[id[6]] * value[6];
          s7 += from[id[7]] * value[7];
          value += kLanes;
        } else {
          s0 += from[id[0]];
          s1 += from[id[1]];
          s2 += from[id[2]];
          s3 += from[id[3]];
          s4 += from[id[4]];
          s5 += from[id[5]];
          s6 += from[id[6]];
          s7 += from[id[7]];
        }
      }
      sum[row[0]] += s0;
      sum[row[1]] += s1;
      sum[row[2]] += s2;
      sum[row[3]] += s3;
      sum[row[4]] += s4;
      sum[row[5]] += s5;
      sum[row[6]] += s6;
      sum[row[7]] += s7;
      at += kLanes * (2 + width * (2 + (kWeighted ? sizeof(T) : 0)));
    }
  }
}

// All tiles from one block to one shard.
template <class T, class Wide>
RW_FN void add_block(RW_PRIVATE const PageRankMemory<Wide>* memory, u32 block, u32 shard) {
  RW_SHARED const PlanShard* own = memory->shard(shard);
  RW_SHARED const T* from =
      (RW_SHARED const T*)(memory->work + memory->run()->contribution) + memory->block(block)->contributions;
  for (u32 w = own->first_window; w < own->first_window + own->windows; ++w) {
    RW_SHARED const PlanTile* tile = memory->tile(block, w);
    if (tile->slices == 0) continue;
    RW_SHARED T* sum = (RW_SHARED T*)(memory->work + memory->run()->sum) + memory->window(w)->first;
    RW_SHARED const u8* at = memory->plan + tile->offset;
    if (memory->header()->weighted) {
      add_tile<T, true>(at, tile->runs, from, sum);
    } else {
      add_tile<T, false>(at, tile->runs, from, sum);
    }
  }
}

// The contributions of one block, from its ranks.
template <class T, class Wide>
RW_FN void contribute(RW_PRIVATE const PageRankMemory<Wide>* memory, u32 block) {
  RW_SHARED const PlanBlock* own = memory->block(block);
  RW_SHARED const T* rank = (RW_SHARED const T*)(memory->work + memory->run()->rank) + own->first;
  RW_SHARED const T* inverse = (RW_SHARED const T*)(memory->plan + memory->header()->inverse) + own->first;
  RW_SHARED T* out = (RW_SHARED T*)(memory->work + memory->run()->contribution) + own->contributions;
  const u32 count = own->count;
  for (u32 i = 0; i < count; ++i) out[i] = rank[i] * inverse[i];
}

// What an iteration adds to every node besides its in-edges: even + teleport * P + dangling * Q.
template <class T>
struct PageRankBase {
  T even, teleport, dangling;
};

template <class T, class Wide>
RW_FN PageRankBase<T> base_of(RW_PRIVATE const PageRankMemory<Wide>* memory, Wide dangling_mass) {
  const Wide damping = real_at(&memory->run()->damping);
  const Wide jump = Wide(1) - damping, spread = damping * dangling_mass;
  PageRankBase<T> base = {0, 0, 0};
  if (memory->run()->teleport_mode == kTeleportEvenly) {
    base.even = T((jump + spread) / Wide(memory->header()->nodes));
  } else if (memory->run()->teleport_mode == kTeleportByVector) {
    base.teleport = T(jump + spread);
  } else {
    base.teleport = T(jump);
    base.dangling = T(spread);
  }
  return base;
}

// The arrays of a window.
template <class T>
struct PageRankRows {
  RW_SHARED T* rank;
  RW_SHARED T* sum;
  RW_SHARED const T* inverse;
  RW_SHARED const T* teleport;
  RW_SHARED const T* dangling;
};

enum : u32 { kWide = 8 };  // rows updated side by side

// New ranks of rows [i, i + n), n at most kWide. No branch depends on a number, or half of them would be mispredicted.
template <class T, u32 kMode>
RW_FN void update_rows(RW_PRIVATE const PageRankRows<T>* at, u32 i, u32 n, T damping, PageRankBase<T> base,
                       RW_PRIVATE T* moved, RW_PRIVATE T* stuck) {
  T value[kWide];  // what may not share memory with the arrays is computed side by side
  for (u32 l = 0; l < n; ++l) {
    value[l] = base.even + damping * at->sum[i + l];
    if (kMode != kTeleportEvenly) value[l] += base.teleport * at->teleport[i + l];
    if (kMode == kTeleportAndDanglingByVectors) value[l] += base.dangling * at->dangling[i + l];
  }
  for (u32 l = 0; l < n; ++l) {
    const T up = value[l] - at->rank[i + l], down = at->rank[i + l] - value[l];
    moved[l] += up > down ? up : down;
    stuck[l] += at->inverse[i + l] == 0 ? value[l] : T(0);
  }
  for (u32 l = 0; l < n; ++l) {
    at->rank[i + l] = value[l];
    at->sum[i + l] = 0;
  }
}

// New ranks of a window from its sums, which become zero; change and dangling mass are added up in lanes, so
// that compilers need no leave to reorder sums, and over short stretches, so that they round little.
template <class T, class Wide, u32 kMode>
RW_FN void update_window(RW_PRIVATE const PageRankMemory<Wide>* memory, u32 window, PageRankBase<T> base,
                         RW_PRIVATE Wide* change, RW_PRIVATE Wide* dangling) {
  enum : u32 { kStretch = 4096 };
  const u32 first = memory->window(window)->first, count = memory->window(window)->count;
  const PageRankRows<T> at = {
      (RW_SHARED T*)(memory->work + memory->run()->rank) + first,
      (RW_SHARED T*)(memory->work + memory->run()->sum) + first,
      (RW_SHARED const T*)(memory->plan + memory->header()->inverse) + first,
      (RW_SHARED const T*)(memory->work + memory->run()->teleport) + first,
      (RW_SHARED const T*)(memory->work + memory->run()->dangling) + first,
  };
  const T damping = T(real_at(&memory->run()->damping));
  for (u32 begin = 0; begin < count; begin += kStretch) {
    const u32 end = count - begin < kStretch ? count : begin + kStretch;
    T moved[kWide] = {0, 0, 0, 0, 0, 0, 0, 0}, stuck[kWide] = {0, 0, 0, 0, 0, 0, 0, 0};
    u32 i = begin;
    for (; end - i >= kWide; i += kWide) {
      expect_read((RW_SHARED const u8*)(at.rank + i) + kBytesAhead);
      expect_read((RW_SHARED const u8*)(at.sum + i) + kBytesAhead);
      expect_read((RW_SHARED const u8*)(at.inverse + i) + kBytesAhead);
      update_rows<T, kMode>(&at, i, kWide, damping, base, moved, stuck);
    }
    update_rows<T, kMode>(&at, i, end - i, damping, base, moved, stuck);
    for (u32 l = 0; l < kWide; ++l) {
      *change += Wide(moved[l]);
      *dangling += Wide(stuck[l]);
    }
  }
}

// New ranks of a shard.
template <class T, class Wide>
RW_FN void update_shard(RW_PRIVATE const PageRankMemory<Wide>* memory, u32 shard, Wide dangling_mass,
                        RW_PRIVATE Wide* change, RW_PRIVATE Wide* dangling) {
  const PageRankBase<T> base = base_of<T>(memory, dangling_mass);
  const u32 first = memory->shard(shard)->first_window, end = first + memory->shard(shard)->windows;
  const u32 mode = memory->run()->teleport_mode;
  for (u32 w = first; w < end; ++w) {
    if (mode == kTeleportEvenly) {
      update_window<T, Wide, kTeleportEvenly>(memory, w, base, change, dangling);
    } else if (mode == kTeleportByVector) {
      update_window<T, Wide, kTeleportByVector>(memory, w, base, change, dangling);
    } else {
      update_window<T, Wide, kTeleportAndDanglingByVectors>(memory, w, base, change, dangling);
    }
  }
}

}  // namespace ringway
