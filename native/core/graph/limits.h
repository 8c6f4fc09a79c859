// How large a graph may be, and how large one that a file asks for.
#pragma once
#include <algorithm>
#include <cstdint>

namespace ringway {

// Nodes are numbered in 32 bits; the highest value is left free as a mark.
inline constexpr std::uint64_t kMaxNodes = 0xFFFFFFFE;

// Nodes that input with `edges` edges may ask for by the size of its ids alone, so that a few bytes cannot
// demand gigabytes.
inline std::uint64_t plausible_nodes(std::uint64_t edges) {
  return std::min(kMaxNodes, std::max<std::uint64_t>(1 << 20, edges * 64));
}

}  // namespace ringway
