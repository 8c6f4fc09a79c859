#include "core/graph/read_edge_list.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/graph/text.h"

namespace ringway {
namespace {

// The weight in the edge data that networkx writes as a Python dictionary; nothing when it holds none.
std::string_view networkx_weight(std::string_view data) {
  for (const std::string_view key : {"'weight':", "\"weight\":"}) {
    const std::size_t at = data.find(key);
    if (at == std::string_view::npos) continue;
    data.remove_prefix(at + key.size());
    return trimmed(data.substr(0, data.find_first_of(",}")));
  }
  return "1";
}

}  // namespace

void EdgeListReader::take(const char* at, const char* end) {
  while (at < end) {
    if (columns_ && !columns_->by_label) at = take_plain_rows(at, end);
    if (at == end) return;
    const auto* line_end =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    std::string_view line(at, static_cast<std::size_t>(line_end - at));
    at = line_end + 1;
    if (++line_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    const std::string_view text = trimmed(line);
    if (text.empty() || take_comment(text)) continue;
    try {
      columns_ ? take_row(line) : take_first(line);
    } catch (const Error& error) {
      fail(error.what());
    }
  }
}

// In a table a '#' may begin a label, so that only what stands above the first row is a comment.
bool EdgeListReader::take_comment(std::string_view text) {
  if (table_ && (columns_ || !first_row_.empty())) return false;
  if (text.front() != '#' && (table_ || text.front() != '%')) return false;
  constexpr std::string_view kUndirected = "undirected graph";
  const std::string_view words = trimmed(text.substr(1));
  if (equals_ignoring_case(words.substr(0, kUndirected.size()), kUndirected)) undirected_comment_ = true;
  return true;
}

void EdgeListReader::take_first(std::string_view line) {
  if (first_row_.empty()) {
    first_row_ = line;
    first_line_ = line_;
    return;
  }
  decide(line);
  take_row(line);
}

void EdgeListReader::decide(std::string_view second) {
  const std::uint64_t second_line = std::exchange(line_, first_line_);
  bool second_at_fault = false;
  EdgeColumns columns;
  try {
    columns = find_edge_columns(first_row_, second, table_, options_, &second_at_fault);
  } catch (const Error&) {
    if (second_at_fault) line_ = second_line;
    throw;
  }
  edges_ =
      EdgeBuilder(columns.weight != EdgeColumns::kNone, !options_.directed.value_or(!undirected_comment_));
  columns_ = columns;
  if (!columns.has_header) take_row(first_row_);
  line_ = second_line;
}

void EdgeListReader::take_row(std::string_view line) {
  const EdgeColumns& columns = *columns_;
  row_.split(line, columns.delimiter);
  if (columns.count != 0 && row_.size() != columns.count) {
    throw Error(ErrorKind::kGraph, "columns: " + std::to_string(row_.size()) +
                                       ", but the lines before have " + std::to_string(columns.count));
  }
  const bool weighted = columns.weight != EdgeColumns::kNone;
  if (row_.size() <= std::max({columns.source, columns.target, weighted ? columns.weight : 0})) {
    throw Error(ErrorKind::kGraph, "columns: " + std::to_string(row_.size()) + ", too few for an edge" +
                                       (weighted ? " with weight" : ""));
  }
  const std::uint32_t source = node(row_[columns.source]);
  const std::uint32_t target = node(row_[columns.target]);
  edges_.add(source, target, weighted ? weight(row_[columns.weight]) : 1.0);
}

std::uint32_t EdgeListReader::node(std::string_view field) {
  if (columns_->by_label) {
    if (field.empty()) throw Error(ErrorKind::kGraph, "an empty label");
    if (field.find('\0') != std::string_view::npos) {
      throw Error(ErrorKind::kGraph, quoted(field) + " holds a zero byte; is this a text file?");
    }
    return labels_.intern(field);
  }
  const std::optional<std::uint64_t> id = parse_integer(field);
  if (!id) {
    throw Error(
        ErrorKind::kGraph,
        quoted(field) + " is not a node number; pass compact=True to take the ids of this file as labels");
  }
  if (*id >= kMaxNodes) {
    throw Error(ErrorKind::kGraph, "node number " + quoted(field) + " is above the limit of " +
                                       std::to_string(kMaxNodes - 1) +
                                       "; pass compact=True to number the nodes by first appearance");
  }
  return static_cast<std::uint32_t>(*id);
}

double EdgeListReader::weight(std::string_view field) const {
  const std::optional<double> value = parse_real(field.starts_with('{') ? networkx_weight(field) : field);
  if (value && *value >= 0 && std::isfinite(*value)) return *value;
  throw Error(ErrorKind::kGraph, quoted(field) + " is not a weight: a finite number of at least 0");
}

// Lines of plain numbers in the first two or three columns, which is nearly all of most files. Stops before a
// line that is not so, for take_row to read or to refuse.
const char* EdgeListReader::take_plain_rows(const char* at, const char* end) {
  const EdgeColumns& columns = *columns_;
  const bool weighted = columns.weight != EdgeColumns::kNone;
  const std::size_t read = weighted ? 3 : 2;
  if (columns.source != 0 || columns.target != 1 || (weighted && columns.weight != 2)) return at;
  if (columns.count > read) return at;
  const char blank = table_ ? ' ' : '\t';
  const auto skip = [blank](const char* p) {
    while (*p == ' ' || *p == blank || *p == '\r') ++p;
    return p;
  };
  // Behind the blanks, or the one delimiter, between two columns; null where there is none.
  const auto next_column = [&skip, delimiter = columns.delimiter](const char* p) -> const char* {
    const char* const next = skip(p);
    if (delimiter == 0) return next == p ? nullptr : next;
    return *next == delimiter ? skip(next + 1) : nullptr;
  };
  while (at < end) {
    const char* p = skip(at);
    const char* digits = p;
    const std::uint64_t source = take_digits(&p);
    if (p == digits || (p = next_column(p)) == nullptr) return at;
    digits = p;
    const std::uint64_t target = take_digits(&p);
    if (p == digits || source >= kMaxNodes || target >= kMaxNodes) return at;
    double value = 1;
    if (weighted) {
      if ((p = next_column(p)) == nullptr) return at;
      const char* const begin = p;
      value = static_cast<double>(take_digits(&p));
      const bool is_integer = p != begin && p - begin <= 15 && (*p == '\n' || *p == '\r' || *p == ' ');
      if (!is_integer) {
        while (*p != '\n' && *p != ' ' && *p != '\t' && *p != '\r' && *p != columns.delimiter) ++p;
        const std::optional<double> real = parse_real({begin, static_cast<std::size_t>(p - begin)});
        if (!real || *real < 0) return at;
        value = *real;
      }
    }
    p = skip(p);
    if (*p != '\n') return at;
    edges_.add(static_cast<std::uint32_t>(source), static_cast<std::uint32_t>(target), value);
    ++line_;
    at = p + 1;
  }
  return at;
}

Graph::Ptr EdgeListReader::done() {
  if (line_ == 0) fail_whole("the file is empty");
  try {
    if (!columns_ && !first_row_.empty()) decide({});
  } catch (const Error& error) {
    fail(error.what());
  }
  const bool by_label = columns_ && columns_->by_label;
  try {
    const std::uint32_t labelled = labels_.size();
    if (by_label) return edges_.finish(labelled, std::move(labels_));
    return edges_.finish(std::nullopt, std::nullopt);
  } catch (const Error& error) {
    fail_whole(std::string(error.what()) + " (compact=True numbers them by first appearance)");
  }
}

}  // namespace ringway
