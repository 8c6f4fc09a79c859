// The tiles of one source block.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "ringway/kernels/pagerank_layout.h"

namespace ringway {

// Edges of a block, collected per window and then laid out; kept from block to block for its memory. T is the
// type of a weighted plan's values.
template <class T>
class TileBuilder {
 public:
  TileBuilder(std::size_t windows, bool weighted) : edges_(windows), values_(weighted ? windows : 0) {}

  void add(std::uint32_t window, std::uint16_t row, std::uint16_t source) {
    edges_[window].push_back(std::uint32_t{row} << 16 | source);
  }
  void add(std::uint32_t window, std::uint16_t row, std::uint16_t source, T value) {
    add(window, row, source);
    values_[window].push_back(value);
  }

  // Sorts the window's edges by row and the rows by length; says how many bytes the tile takes.
  std::size_t arrange(std::uint32_t window, std::uint32_t rows);

  // Writes what was arranged, and empties the window. `zero` is the id of the slot that holds zero.
  PlanTile write(std::uint32_t window, std::uint16_t zero, unsigned char* at);

  // A bound on the bytes of a block's tiles.
  static std::uint64_t bound(std::uint64_t edges, std::uint64_t windows, bool weighted);

 private:
  struct Lane {
    std::uint32_t begin;  // in ids_
    std::uint16_t row;
    std::uint16_t length;
  };

  void sort_by_row(std::uint32_t window, std::uint32_t rows);
  void sort_by_length(std::uint32_t rows);
  static std::size_t runs_bytes(std::size_t runs) {
    return (runs * kRunBytes + kSliceAlign - 1) / kSliceAlign * kSliceAlign;
  }
  static std::size_t slice_bytes(std::size_t width, bool weighted) {
    return kLanes * (2 + width * (2 + (weighted ? sizeof(T) : 0)));
  }

  std::vector<std::vector<std::uint32_t>> edges_;  // per window: row << 16 | source
  std::vector<std::vector<T>> values_;             // per window, beside them
  std::vector<std::uint32_t> begin_;               // per row, in ids_
  std::vector<std::uint16_t> ids_;
  std::vector<T> ordered_;
  std::vector<Lane> lanes_;  // longest first
  struct Run {
    std::uint32_t width, slices;
  };
  std::vector<Run> runs_;
};

}  // namespace ringway
