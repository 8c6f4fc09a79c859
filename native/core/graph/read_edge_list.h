// Edge lists and tables: a line per edge, in columns. Later lines must be like the first (edge_columns.h).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/graph/builder.h"
#include "core/graph/edge_columns.h"
#include "core/graph/line_reader.h"

namespace ringway {

class EdgeListReader final : public LineReader {
 public:
  EdgeListReader(ReadOptions options, bool table) : LineReader(std::move(options)), table_(table) {}

 protected:
  void take(const char* at, const char* end) override;
  Graph::Ptr done() override;

 private:
  bool take_comment(std::string_view text);
  void take_first(std::string_view line);
  void decide(std::string_view second);
  void take_row(std::string_view line);
  const char* take_plain_rows(const char* at, const char* end);
  std::uint32_t node(std::string_view field);
  double weight(std::string_view field) const;

  const bool table_;
  bool undirected_comment_ = false;
  std::string first_row_;  // kept until the second one comes
  std::uint64_t first_line_ = 0;
  std::optional<EdgeColumns> columns_;  // once decided
  Row row_;
  Labels labels_;
  EdgeBuilder edges_;
};

}  // namespace ringway
