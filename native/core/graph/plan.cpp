#include "core/graph/plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/graph/parallel.h"
#include "core/graph/plan_order.h"
#include "core/graph/plan_tiles.h"

namespace ringway {
namespace {

constexpr std::uint64_t kTableAlign = 64;

std::uint64_t aligned(std::uint64_t offset) {
  return (offset + kTableAlign - 1) / kTableAlign * kTableAlign;
}

// Cuts [first, first + size) in near-equal parts of at most `most`.
std::vector<PlanWindow> split(std::uint32_t first, std::uint32_t size, std::uint32_t most) {
  std::vector<PlanWindow> parts;
  const std::uint32_t count = size / most + (size % most != 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto begin = static_cast<std::uint32_t>(part_begin(size, i, count));
    parts.push_back({first + begin, static_cast<std::uint32_t>(part_begin(size, i + 1, count)) - begin});
  }
  return parts;
}

// Blocks of a shard whose nodes with most outgoing edges come first: the first, which most edges leave, are small
// enough for the first-level cache, the later ones so large that a row has more than one edge from them.
std::vector<PlanWindow> split_growing(std::uint32_t first, std::uint32_t size, std::uint32_t least,
                                      std::uint32_t most) {
  std::vector<PlanWindow> parts;
  for (std::uint32_t begin = 0; begin < size;) {
    const std::uint32_t count = std::min({size - begin, most, std::max(least, begin / 2)});
    parts.push_back({first + begin, count});
    begin += count;
  }
  return parts;
}

void require(bool holds, const char* text) {
  if (!holds) throw Error(ErrorKind::kInvalidOption, text);
}

// Weights that are all the same say nothing.
bool weights_matter(const Graph& graph) {
  const auto weights = graph.weights();
  return std::any_of(weights.begin(), weights.end(), [&](double w) { return w != weights.front(); });
}

}  // namespace

class PageRankPlanner {
 public:
  PageRankPlanner(const Graph& graph, const PageRankPlan::Options& options)
      : graph_(graph),
        options_(options),
        weighted_(options.weighted && graph.has_weights() && weights_matter(graph)),
        order_(order_nodes(graph, options)) {}

  PageRankPlan::Ptr build() {
    make_tables();
    std::shared_ptr<PageRankPlan> plan(new PageRankPlan);
    reserve_memory(*plan);
    if (options_.value_bytes == 4) {
      fill<float>(*plan);
    } else {
      fill<double>(*plan);
    }
    return plan;
  }

 private:
  void make_tables() {
    std::uint32_t first = 0;
    std::uint64_t contributions = 0;
    for (const std::uint32_t size : order_.sizes) {
      PlanShard shard{static_cast<std::uint32_t>(blocks_.size()), 0,
                      static_cast<std::uint32_t>(windows_.size()), 0};
      for (const PlanWindow& part : split_blocks(first, size)) {
        blocks_.push_back({part.first, part.count, contributions});
        contributions += (part.count + 1 + 15) / 16 * 16;
      }
      for (const PlanWindow& part : split(first, size, options_.window_nodes)) windows_.push_back(part);
      shard.blocks = static_cast<std::uint32_t>(blocks_.size()) - shard.first_block;
      shard.windows = static_cast<std::uint32_t>(windows_.size()) - shard.first_window;
      shards_.push_back(shard);
      first += size;
    }
    contributions_ = contributions;
    require(windows_.size() <= 1U << 16,
            "the graph has more than 4 billion nodes in windows; use fewer shards");
    locate_rows();
  }

  std::vector<PlanWindow> split_blocks(std::uint32_t first, std::uint32_t size) const {
    if (order_.positions.empty()) return split(first, size, options_.block_nodes);
    constexpr std::uint32_t kNearBytes =
        16 << 10;  // half of a first-level cache: sums and edges pass through it, too
    const std::uint32_t near = kNearBytes / options_.value_bytes;
    const std::uint32_t least = options_.first_block_nodes != 0 ? options_.first_block_nodes : near;
    return split_growing(first, size, least, options_.block_nodes);
  }

  // Window and row of each node, as one number.
  void locate_rows() {
    const std::uint32_t nodes = graph_.num_nodes();
    std::vector<std::uint32_t> at(order_.positions.empty() ? 0 : nodes);
    where_.resize(nodes);
    std::vector<std::uint32_t>& by_position = order_.positions.empty() ? where_ : at;
    for (std::uint32_t w = 0; w < windows_.size(); ++w) {
      for (std::uint32_t r = 0; r < windows_[w].count; ++r) by_position[windows_[w].first + r] = w << 16 | r;
    }
    nodes_.resize(order_.positions.empty() ? 0 : nodes);
    for (std::uint32_t v = 0; v < order_.positions.size(); ++v) {
      where_[v] = at[order_.positions[v]];
      nodes_[order_.positions[v]] = v;
    }
  }

  void reserve_memory(PageRankPlan& plan) {
    PlanHeader header{};
    header.magic = kPlanMagic;
    header.value_bytes = options_.value_bytes;
    header.nodes = graph_.num_nodes();
    header.shards = options_.shards;
    header.blocks = static_cast<std::uint32_t>(blocks_.size());
    header.windows = static_cast<std::uint32_t>(windows_.size());
    header.weighted = weighted_;
    header.moved = !order_.positions.empty();
    header.contributions = contributions_;
    std::uint64_t end = sizeof(PlanHeader);
    const auto place = [&end](std::uint64_t bytes) {
      const std::uint64_t at = aligned(end);
      end = at + bytes;
      return at;
    };
    header.shard = place(shards_.size() * sizeof(PlanShard));
    header.block = place(blocks_.size() * sizeof(PlanBlock));
    header.window = place(windows_.size() * sizeof(PlanWindow));
    header.tile = place(blocks_.size() * windows_.size() * sizeof(PlanTile));
    header.inverse = place(std::uint64_t{header.nodes} * options_.value_bytes);
    header.positions = place(order_.positions.size() * 4);
    next_tile_ = aligned(end);
    const std::uint64_t tiles =
        options_.value_bytes == 4
            ? TileBuilder<float>::bound(graph_.num_edges(), blocks_.size() * windows_.size(), weighted_)
            : TileBuilder<double>::bound(graph_.num_edges(), blocks_.size() * windows_.size(), weighted_);
    plan.memory_ = AlignedBytes(next_tile_ + tiles + blocks_.size() * kTableAlign);
    std::memcpy(plan.memory_.data(), &header, sizeof header);
    copy(plan, header.shard, shards_);
    copy(plan, header.block, blocks_);
    copy(plan, header.window, windows_);
    copy(plan, header.positions, order_.positions);
  }

  template <class T>
  static void copy(const PageRankPlan& plan, std::uint64_t offset, const std::vector<T>& values) {
    if (!values.empty()) std::memcpy(plan.memory_.data() + offset, values.data(), values.size() * sizeof(T));
  }

  template <class T>
  void fill(PageRankPlan& plan) {
    const unsigned threads =
        std::min<unsigned>(threads_for(graph_.num_edges() * 8), static_cast<unsigned>(blocks_.size()));
    std::mutex lock;
    std::uint32_t next_block = 0;
    bool infinite = false;
    run_threads(threads, [&](unsigned) {
      TileBuilder<T> tiles(windows_.size(), weighted_);
      std::uint32_t dangling = 0;
      bool finite = true;
      for (;;) {
        std::uint32_t block;
        {
          const std::lock_guard<std::mutex> hold(lock);
          if (next_block == blocks_.size()) break;
          block = next_block++;
        }
        finite &= collect<T>(plan, tiles, block, &dangling);
        write<T>(plan, tiles, block, lock);
      }
      const std::lock_guard<std::mutex> hold(lock);
      plan.dangling_nodes_ += dangling;
      infinite |= !finite;
    });
    if (infinite)
      throw Error(ErrorKind::kGraph, "the weights of a node's edges add up to infinity; scale them down");
    reinterpret_cast<PlanHeader*>(plan.memory_.data())->bytes = next_tile_;
  }

  // The block's edges into the builder, and its nodes' inverse out-weights; false when one is not finite.
  template <class T>
  bool collect(PageRankPlan& plan, TileBuilder<T>& tiles, std::uint32_t block,
               std::uint32_t* dangling) const {
    T* inverse = reinterpret_cast<T*>(plan.memory_.data() + plan.header().inverse);
    const auto offsets = graph_.offsets();
    const auto targets = graph_.targets();
    const auto weights = graph_.weights();
    constexpr std::uint64_t kEdgesAhead = 24;
    bool finite = true;
    for (std::uint32_t i = 0; i < blocks_[block].count; ++i) {
      const std::uint32_t position = blocks_[block].first + i;
      const std::uint32_t node = nodes_.empty() ? position : nodes_[position];
      const auto source = static_cast<std::uint16_t>(i);
      const std::uint64_t begin = offsets[node], end = offsets[node + 1];
      if (weighted_) {
        const double sum = std::accumulate(weights.begin() + static_cast<std::ptrdiff_t>(begin),
                                           weights.begin() + static_cast<std::ptrdiff_t>(end), 0.0);
        finite &= std::isfinite(sum);
        inverse[position] = sum > 0 ? T(1) : T(0);
        *dangling += sum > 0 ? 0 : 1;
        if (sum == 0) continue;
        for (std::uint64_t e = begin; e < end; ++e) {
          const std::uint32_t to = where_[targets[e]];
          tiles.add(to >> 16, static_cast<std::uint16_t>(to), source, static_cast<T>(weights[e] / sum));
        }
      } else {
        inverse[position] = end > begin ? static_cast<T>(1.0 / static_cast<double>(end - begin)) : T(0);
        *dangling += end > begin ? 0 : 1;
        for (std::uint64_t e = begin; e < end; ++e) {
          __builtin_prefetch(&where_[targets[std::min(e + kEdgesAhead, end - 1)]]);
          const std::uint32_t to = where_[targets[e]];
          tiles.add(to >> 16, static_cast<std::uint16_t>(to), source);
        }
      }
    }
    return finite;
  }

  template <class T>
  void write(PageRankPlan& plan, TileBuilder<T>& tiles, std::uint32_t block, std::mutex& lock) {
    PlanTile* table = reinterpret_cast<PlanTile*>(plan.memory_.data() + plan.header().tile);
    for (std::uint32_t w = 0; w < windows_.size(); ++w) {
      const std::size_t bytes = tiles.arrange(w, windows_[w].count);
      std::uint64_t at;
      {
        const std::lock_guard<std::mutex> hold(lock);
        at = next_tile_;
        next_tile_ += (bytes + kSliceAlign - 1) / kSliceAlign * kSliceAlign;
      }
      PlanTile tile =
          tiles.write(w, static_cast<std::uint16_t>(blocks_[block].count), plan.memory_.data() + at);
      tile.offset = at;
      table[std::uint64_t{block} * windows_.size() + w] = tile;
    }
  }

  const Graph& graph_;
  const PageRankPlan::Options options_;
  const bool weighted_;
  PlanOrder order_;
  std::vector<PlanShard> shards_;
  std::vector<PlanBlock> blocks_;
  std::vector<PlanWindow> windows_;
  std::vector<std::uint32_t> where_;  // per node: window << 16 | row
  std::vector<std::uint32_t> nodes_;  // per position, when moved
  std::uint64_t contributions_ = 0;
  std::uint64_t next_tile_ = 0;
};

PageRankPlan::Ptr PageRankPlan::build(const Graph& graph, const Options& options) {
  require(graph.num_nodes() > 0, "a plan needs a graph with at least one node");
  require(options.shards >= 1 && options.shards <= kMaxShards, "shards must be 1 to 64");
  require(options.value_bytes == 4 || options.value_bytes == 8, "value_bytes must be 4 or 8");
  require(options.block_nodes >= 1 && options.block_nodes <= kMaxBlockNodes,
          "block_nodes must be 1 to 65,535");
  require(options.window_nodes >= 1 && options.window_nodes <= kMaxWindowNodes,
          "window_nodes must be 1 to 65,536");
  return PageRankPlanner(graph, options).build();
}

}  // namespace ringway
