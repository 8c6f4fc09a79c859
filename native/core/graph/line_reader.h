// What the text formats share: chunks become whole lines, and errors know their line.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/graph/reader.h"

namespace ringway {

class LineReader : public GraphReader {
 public:
  explicit LineReader(ReadOptions options) : options_(std::move(options)) {}
  void feed(std::string_view chunk) final;
  Graph::Ptr finish() final;

 protected:
  // Whole lines, the last byte is a line end; adds the lines it took to line_ as it takes them.
  virtual void take(const char* at, const char* end) = 0;
  virtual Graph::Ptr done() = 0;

  [[noreturn]] void fail(const std::string& reason) const;        // at line_
  [[noreturn]] void fail_whole(const std::string& reason) const;  // at no line

  ReadOptions options_;
  std::uint64_t line_ = 0;  // of the line being taken, from 1

 private:
  static constexpr std::size_t kLongestLine = std::size_t{1} << 20;

  std::string carry_;  // a line whose end has not come yet
};

}  // namespace ringway
