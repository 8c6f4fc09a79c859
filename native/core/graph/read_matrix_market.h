// Matrix Market coordinate files: entry (row, column) is the edge row → column; a symmetric file is read both
// ways.
#pragma once
#include <string_view>
#include <utility>

#include "core/graph/builder.h"
#include "core/graph/line_reader.h"

namespace ringway {

class MatrixMarketReader final : public LineReader {
 public:
  explicit MatrixMarketReader(ReadOptions options) : LineReader(std::move(options)) {}

 protected:
  void take(const char* at, const char* end) override;
  Graph::Ptr done() override;

 private:
  enum class Expect { kBanner, kSize, kEntry };

  void take_banner(std::string_view line);
  void take_size(std::string_view line);
  const char* take_entries(const char* at, const char* end);
  double take_value(const char** at);

  Expect expect_ = Expect::kBanner;
  bool has_values_ = false;
  bool weighted_ = false;
  std::uint64_t nodes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t taken_ = 0;
  EdgeBuilder edges_;
};

}  // namespace ringway
