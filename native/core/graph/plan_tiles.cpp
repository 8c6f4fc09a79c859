#include "core/graph/plan_tiles.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ringway {

template <class T>
std::uint64_t TileBuilder<T>::bound(std::uint64_t edges, std::uint64_t windows, bool weighted) {
  const std::uint64_t edge =
      2 + 2 + (weighted ? sizeof(T) : 0);  // its id, at worst a row of its own, its value
  const std::uint64_t padding = slice_bytes(kMaxWidth, weighted) + runs_bytes(kMaxWidth);
  return edges * edge + windows * padding;
}

template <class T>
std::size_t TileBuilder<T>::arrange(std::uint32_t window, std::uint32_t rows) {
  runs_.clear();
  lanes_.clear();
  if (edges_[window].empty()) return 0;
  sort_by_row(window, rows);
  sort_by_length(rows);
  std::size_t bytes = 0;
  for (std::size_t first = 0; first < lanes_.size(); first += kLanes) {
    const std::uint32_t width = lanes_[first].length;
    if (runs_.empty() || runs_.back().width != width) runs_.push_back({width, 0});
    ++runs_.back().slices;
    bytes += slice_bytes(width, !values_.empty());
  }
  return runs_bytes(runs_.size()) + bytes;
}

template <class T>
void TileBuilder<T>::sort_by_row(std::uint32_t window, std::uint32_t rows) {
  const std::vector<std::uint32_t>& edges = edges_[window];
  begin_.assign(rows + 2, 0);
  for (const std::uint32_t edge : edges) ++begin_[(edge >> 16) + 2];
  for (std::uint32_t r = 2; r < rows + 2; ++r) begin_[r] += begin_[r - 1];
  if (ids_.size() < edges.size()) ids_.resize(edges.size());
  if (!values_.empty() && ordered_.size() < edges.size()) ordered_.resize(edges.size());
  for (std::size_t e = 0; e < edges.size(); ++e) {
    const std::uint32_t to = begin_[(edges[e] >> 16) + 1]++;
    ids_[to] = static_cast<std::uint16_t>(edges[e]);
    if (!values_.empty()) ordered_[to] = values_[window][e];
  }
}

template <class T>
void TileBuilder<T>::sort_by_length(std::uint32_t rows) {
  std::array<std::uint32_t, kMaxWidth + 2> place{};  // by falling length
  const auto length = [&](std::uint32_t row) { return begin_[row + 1] - begin_[row]; };
  for (std::uint32_t r = 0; r < rows; ++r) {
    place[1] += length(r) / kMaxWidth;
    const std::uint32_t rest = length(r) % kMaxWidth;
    if (rest != 0) ++place[kMaxWidth - rest + 1];
  }
  for (std::size_t i = 1; i < place.size(); ++i) place[i] += place[i - 1];
  lanes_.resize(place.back());
  for (std::uint32_t r = 0; r < rows; ++r) {
    std::uint32_t begin = begin_[r];
    for (; begin_[r + 1] - begin >= kMaxWidth; begin += kMaxWidth) {
      lanes_[place[0]++] = {begin, static_cast<std::uint16_t>(r), kMaxWidth};
    }
    const std::uint32_t rest = begin_[r + 1] - begin;
    if (rest != 0) {
      lanes_[place[kMaxWidth - rest]++] = {begin, static_cast<std::uint16_t>(r),
                                           static_cast<std::uint16_t>(rest)};
    }
  }
}

template <class T>
PlanTile TileBuilder<T>::write(std::uint32_t window, std::uint16_t zero, unsigned char* at) {
  PlanTile tile{0, static_cast<std::uint32_t>(runs_.size()),
                static_cast<std::uint32_t>((lanes_.size() + kLanes - 1) / kLanes)};
  if (!runs_.empty()) std::memcpy(at, runs_.data(), runs_.size() * sizeof(Run));
  at += runs_bytes(runs_.size());
  const bool weighted = !values_.empty();
  for (std::size_t first = 0; first < lanes_.size(); first += kLanes) {
    const std::uint32_t width = lanes_[first].length;
    auto* row = reinterpret_cast<std::uint16_t*>(at);
    std::uint16_t* id = row + kLanes;
    T* value = reinterpret_cast<T*>(id + std::size_t{width} * kLanes);
    for (std::uint32_t l = 0; l < kLanes; ++l) {
      const bool used = first + l < lanes_.size();
      const Lane lane = used ? lanes_[first + l] : Lane{0, lanes_[first].row, 0};
      row[l] = lane.row;
      for (std::uint32_t j = 0; j < width; ++j) {
        id[j * kLanes + l] = j < lane.length ? ids_[lane.begin + j] : zero;
      }
      if (!weighted) continue;
      for (std::uint32_t j = 0; j < width; ++j) {
        value[j * kLanes + l] = j < lane.length ? ordered_[lane.begin + j] : T(0);
      }
    }
    at += slice_bytes(width, weighted);
  }
  edges_[window].clear();
  if (weighted) values_[window].clear();
  return tile;
}

template class TileBuilder<float>;
template class TileBuilder<double>;

}  // namespace ringway
