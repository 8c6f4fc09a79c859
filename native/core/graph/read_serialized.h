// GAP's serialized graphs (.sg, .wsg): a memory image, little-endian.
//   u8 directed · i64 edges · i64 nodes · i64 offsets[nodes + 1] · edges[edges]
//   and, when directed, the incoming edges in the same form, which are skipped
// An edge is an i32 target, in .wsg followed by an i32 weight.
#pragma once
#include <string_view>

#include "core/graph/reader.h"
#include "core/graph/section.h"

namespace ringway {

class SerializedReader final : public GraphReader {
 public:
  SerializedReader(ReadOptions options, bool weighted);
  void feed(std::string_view chunk) override;
  Graph::Ptr finish() override;

 private:
  struct Edge {
    std::int32_t target;
    std::int32_t weight;
  };

  void take_header();
  [[noreturn]] void fail(const std::string& reason) const;

  ReadOptions options_;
  bool weighted_;  // the form of the file
  bool directed_ = false;
  std::uint64_t nodes_ = 0;
  std::uint64_t skip_ = 0;  // bytes of incoming edges still to come
  bool has_header_ = false;
  Section<char> header_;
  Section<std::uint64_t> offsets_;
  Section<std::int32_t> targets_;
  Section<Edge> edges_;
};

}  // namespace ringway
