// What the columns of an edge list mean, found from its first two lines of data.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/reader.h"

namespace ringway {

// The fields of one line. They lie in the line or, where quotes were undone, in the row.
class Row {
 public:
  // delimiter 0: fields are parted by blanks, and one that begins with '{' (networkx's edge data) goes to the
  // end of the line; else by that character, blanks around them are dropped, and quotes as in RFC 4180.
  // Throws Error(kGraph) on a quoted field that does not end on the line.
  void split(std::string_view line, char delimiter);

  std::size_t size() const { return fields_.size(); }
  std::string_view operator[](std::size_t i) const { return fields_[i]; }

 private:
  void split_blanks(std::string_view line);
  const char* take_quoted(const char* at, const char* end);

  std::vector<std::string_view> fields_;
  std::string unquoted_;
};

struct EdgeColumns {
  static constexpr std::size_t kNone = ~std::size_t{0};

  char delimiter = 0;
  bool has_header = false;
  std::size_t source = 0;
  std::size_t target = 1;
  std::size_t weight = kNone;
  std::size_t count = 0;  // that every line must have; 0: any that is enough
  bool by_label = false;
};

// `second` is empty when there is only one line. Throws Error(kGraph) with the reason alone, after setting
// `second_at_fault` to whether the reason lies in the second line.
EdgeColumns find_edge_columns(std::string_view first, std::string_view second, bool table,
                              const ReadOptions& options, bool* second_at_fault);

}  // namespace ringway
