// What the three PageRank kernels share: the plan (a graph laid out for them, read only), the work memory of
// a run, and their messages. `Wide` is the widest number of the backend (double, float on Metal): sums over
// all nodes are Wide, ranks are float or Wide as the plan says.
//
// Nodes have positions; shard after shard, each shard one range. Each shard is cut into source blocks (one
// message per block and iteration) and destination windows; both hold at most 65,536 nodes, so that a tile,
// the edges from one block to one window, names nodes by 16 bits. All offsets are bytes from the start of the
// plan or work memory.
#pragma once
#include "../config.h"

namespace ringway {

enum : u32 {
  kPlanMagic = 0x31507752u,  // "RwP1"
  kWorkMagic = 0x31577752u,  // "RwW1"
  kMaxShards = 64,
  kMaxBlockNodes = 65535,   // 16-bit ids; id `count` of a block is a slot that holds zero
  kMaxWindowNodes = 65536,  // 16-bit rows
  kLanes = 8,               // rows summed side by side
  kMaxWidth = 64,  // edges of a lane: longer rows take several lanes, which bounds padding and rounding
};

struct PlanShard {
  u32 first_block, blocks;
  u32 first_window, windows;
};
struct PlanBlock {
  u32 first, count;   // positions
  u64 contributions;  // index of its first contribution; slot [count] stays zero
};
struct PlanWindow {
  u32 first, count;  // positions
};
// Runs of slices, then the slices. A run is (width, slices). A slice is 8 rows, then width × 8 ids, then in a
// weighted plan width × 8 values: lane l sums column l and adds it to row l. Unused places name the zero
// slot.
struct PlanTile {
  u64 offset;
  u32 runs;
  u32 slices;
};
enum : u32 { kRunBytes = 8, kSliceAlign = 16 };

struct PlanHeader {
  u32 magic, value_bytes;
  u32 nodes, shards, blocks, windows;
  u32 weighted;       // tiles hold transition probabilities; contributions are then the ranks themselves
  u32 moved;          // positions are not node numbers
  u64 contributions;  // length of the array of contributions
  u64 bytes;          // of the plan
  u64 shard, block, window, tile;  // tables; tile (b, w) is entry b * windows + w
  u64 inverse;    // per position: what a rank is multiplied by to give its contribution; 0 = dangling
  u64 positions;  // per node, when moved
};
static_assert(sizeof(PlanHeader) == 96, "plan header");

enum TeleportMode : u32 { kTeleportEvenly = 0, kTeleportByVector = 1, kTeleportAndDanglingByVectors = 2 };

// A number that the host reads or writes: always the 64 bits of an IEEE 754 double. A backend without such a type,
// whose Wide is float, converts them.
template <class Wide>
struct HostReal {
  Wide value;
};
template <>
struct HostReal<float> {
  u64 bits;
};

union FloatBits {
  float value;
  u32 bits;
};

// Exact.
RW_FN u64 double_bits(float value) {
  FloatBits from;
  from.value = value;
  const u64 sign = u64(from.bits >> 31) << 63;
  u32 exponent = from.bits >> 23 & 255, fraction = from.bits & 0x7fffffu;
  if (exponent == 255) return sign | u64(2047) << 52 | u64(fraction) << 29;
  if (exponent == 0 && fraction == 0) return sign;
  u32 shifted = 0;
  for (; exponent == 0 && !(fraction & 0x800000u); ++shifted) fraction <<= 1;  // a subnormal
  const u32 biased = exponent == 0 ? 1023 - 126 - shifted : exponent + 1023 - 127;
  return sign | u64(biased) << 52 | u64(fraction & 0x7fffffu) << 29;
}
// Rounded to the nearest; what is smaller than the smallest normal float becomes zero.
RW_FN float float_of_bits(u64 bits) {
  FloatBits to;
  const u32 sign = u32(bits >> 63) << 31;
  const i32 exponent = i32(bits >> 52 & 2047) - 1023 + 127;
  const u64 fraction = bits & ((u64(1) << 52) - 1), rest = fraction & ((u64(1) << 29) - 1),
            tie = u64(1) << 28;
  if (exponent >= 255) {
    to.bits = sign | 0x7f800000u | (exponent == 2047 - 1023 + 127 && fraction ? 0x400000u : 0u);
  } else if (exponent <= 0) {
    to.bits = sign;
  } else {
    to.bits = u32(exponent) << 23 | u32(fraction >> 29);
    if (rest > tie || (rest == tie && (to.bits & 1))) ++to.bits;
    to.bits |= sign;
  }
  return to.value;
}

template <class Wide>
RW_FN Wide real_at(RW_SHARED const HostReal<Wide>* from) {
  return from->value;
}
RW_FN float real_at(RW_SHARED const HostReal<float>* from) {
  return float_of_bits(from->bits);
}
template <class Wide>
RW_FN void put_real(RW_SHARED HostReal<Wide>* to, Wide value) {
  to->value = value;
}
RW_FN void put_real(RW_SHARED HostReal<float>* to, float value) {
  to->bits = double_bits(value);
}

template <class Wide>
struct WorkHeader {
  u32 magic, teleport_mode;
  u64 bytes;
  u64 rank, sum, contribution;            // per position, per position, per contribution slot
  u64 teleport, dangling;                 // per position, where the mode reads them
  u64 parts;                              // PageRankPart per shard
  HostReal<Wide> damping, dangling_mass;  // mass: of the start ranks
};

// host → checker
enum PageRankAction : u32 { kPageRankStart = 0, kPageRankCancel = 1, kPageRankWait = 2 };
template <class Wide>
struct PageRankControl {
  u64 plan, work;   // buffer handles
  u64 history;      // buffer handle of HostReal residuals, written round and round
  u32 action, run;  // a run's number is the host's; a cancel names the run that it ends
  u32 max_iterations;
  u32 report_every;          // iterations between reports; 0 = only the last
  HostReal<Wide> tolerance;  // ends the run when the L1 change of an iteration is below it
};

// checker → sender: take the ranks as they are, iteration `iteration` begins
template <class Wide>
struct PageRankGo {
  u64 plan, work;
  u32 run, iteration;
  u32 shard, reserved;
  Wide dangling;  // mass on nodes without outgoing edges
};

// sender → aggregator: the contributions of a block are in the work memory, and stay until the next go
template <class Wide>
struct PageRankBlock {
  u64 plan, work;
  u32 run, iteration;
  u32 block, shard;  // shard: the receiver's
  Wide dangling;
};

// aggregator → checker: the shard's ranks are new
template <class Wide>
struct PageRankPart {
  u32 run, iteration;
  u32 shard, reserved;
  Wide change, dangling;
};

// checker → host: the answer to a start and to a cancel, when the run is over; a report of an iteration
// otherwise
enum PageRankStatus : u32 {
  kPageRankRunning = 0,
  kPageRankConverged = 1,
  kPageRankAtLimit = 2,
  kPageRankCancelled = 3
};
enum : u32 { kPageRankReportType = 0xcebd660au };  // fnv1a of its wire name, "PageRankReport"
template <class Wide>
struct PageRankReport {
  u32 run, iteration;
  u32 status, reserved;
  HostReal<Wide> residual;
  u64 elapsed_us;
};

static_assert(sizeof(PageRankControl<u64>) == 48 && sizeof(PageRankReport<u64>) == 32,
              "messages with the host");
static_assert(sizeof(PageRankGo<u64>) == 40 && sizeof(PageRankBlock<u64>) == 40 &&
                  sizeof(PageRankPart<u64>) == 32,
              "messages on links");

enum PageRankError : u32 { kPageRankBadBuffers = 0, kPageRankBusy = 1, kPageRankOutOfStep = 2 };

// The two memories of a run, found by their handles.
template <class Wide>
struct PageRankMemory {
  RW_SHARED u8* plan;
  RW_SHARED u8* work;

  template <class Ctx>
  RW_FN bool find(RW_PRIVATE Ctx* ctx, u64 plan_handle, u64 work_handle) RW_PRIVATE {
    u64 plan_bytes = 0, work_bytes = 0;
    plan = ctx->buffer(plan_handle, &plan_bytes);
    work = ctx->buffer(work_handle, &work_bytes);
    if (!plan || !work || plan_bytes < sizeof(PlanHeader) || work_bytes < sizeof(WorkHeader<Wide>))
      return false;
    return header()->magic == kPlanMagic && run()->magic == kWorkMagic && header()->bytes <= plan_bytes &&
           run()->bytes <= work_bytes &&
           (header()->value_bytes == 4 || header()->value_bytes == sizeof(Wide));
  }
  RW_FN RW_SHARED const PlanHeader* header() const RW_PRIVATE { return (RW_SHARED const PlanHeader*)plan; }
  RW_FN RW_SHARED const WorkHeader<Wide>* run() const RW_PRIVATE {
    return (RW_SHARED const WorkHeader<Wide>*)work;
  }
  RW_FN RW_SHARED const PlanShard* shard(u32 i) const RW_PRIVATE {
    return (RW_SHARED const PlanShard*)(plan + header()->shard) + i;
  }
  RW_FN RW_SHARED const PlanBlock* block(u32 i) const RW_PRIVATE {
    return (RW_SHARED const PlanBlock*)(plan + header()->block) + i;
  }
  RW_FN RW_SHARED const PlanWindow* window(u32 i) const RW_PRIVATE {
    return (RW_SHARED const PlanWindow*)(plan + header()->window) + i;
  }
  RW_FN RW_SHARED const PlanTile* tile(u32 b, u32 w) const RW_PRIVATE {
    return (RW_SHARED const PlanTile*)(plan + header()->tile) + (u64(b) * header()->windows + w);
  }
};

}  // namespace ringway
