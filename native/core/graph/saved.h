// ringway's own graph file (.rwg): the arrays as they lie in memory, little-endian, each with a checksum.
//
//   header (64 bytes) · offsets (nodes + 1) × u64 · targets edges × u32 · weights edges × f64, when flag 1 is
//   set · label offsets (nodes + 1) × u64 and label bytes, when flag 2 is set; each section filled with zeros
//   to 8 bytes
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/reader.h"
#include "core/graph/section.h"

namespace ringway {

// A byte above 127 and both kinds of line end, so that a transfer as text shows.
inline constexpr std::string_view kSavedMagic = "\x89RWG\r\n\x1A\n";
inline constexpr std::uint32_t kSavedVersion = 1;

struct SavedHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t flags;
  std::uint64_t nodes;
  std::uint64_t edges;
  std::uint64_t label_bytes;
  std::uint32_t checksums[5];  // CRC-32 of each section without its filling
  std::uint32_t checksum;      // of the header up to here
};
static_assert(sizeof(SavedHeader) == 64);

inline constexpr std::uint32_t kSavedWeights = 1;
inline constexpr std::uint32_t kSavedLabels = 2;

SavedHeader saved_header(const Graph& graph);

// The sections in the order of the file, without their filling; they lie in the graph.
std::vector<std::string_view> saved_sections(const Graph& graph);

// Zeros that follow a section of so many bytes.
constexpr std::uint64_t saved_filling(std::uint64_t bytes) {
  return (8 - bytes % 8) % 8;
}

class SavedGraphReader final : public GraphReader {
 public:
  explicit SavedGraphReader(ReadOptions options);
  void feed(std::string_view chunk) override;
  Graph::Ptr finish() override;

 private:
  void take_header();
  template <class T>
  void take(Section<T>* section, Section<char>* filling, std::string_view* chunk);
  void check(std::size_t i, std::string_view bytes) const;
  [[noreturn]] void fail(const std::string& reason) const;

  ReadOptions options_;
  SavedHeader header_{};
  bool has_header_ = false;
  Section<char> header_bytes_;
  Section<std::uint64_t> offsets_;
  Section<std::uint32_t> targets_;
  Section<double> weights_;
  Section<std::uint64_t> label_offsets_;
  Section<char> label_bytes_;
  std::array<Section<char>, 5> filling_;
};

}  // namespace ringway
