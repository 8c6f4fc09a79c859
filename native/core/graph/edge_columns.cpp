#include "core/graph/edge_columns.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/graph/text.h"

namespace ringway {
namespace {

constexpr std::array kSourceNames{"source", "src",    "from", "fromnodeid", "from_id", "start",
                                  "node1",  "node_1", "id_1", "u",          "package"};
constexpr std::array kTargetNames{"target", "dst",    "to",   "tonodeid", "to_id",     "end",
                                  "node2",  "node_2", "id_2", "v",        "depends_on"};
constexpr std::array kWeightNames{"weight", "w", "value"};

template <class Names>
std::size_t find_named(const Row& row, const Names& names) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (const char* name : names) {
      if (equals_ignoring_case(row[i], name)) return i;
    }
  }
  return EdgeColumns::kNone;
}

bool is_number(std::string_view field) {
  return parse_real(field).has_value();
}

// Of those outside quotes; a comma when there is none.
char commonest_delimiter(std::string_view line) {
  constexpr std::string_view kCandidates = ",\t;";
  std::array<std::size_t, kCandidates.size()> counts{};
  bool in_quotes = false;
  for (const char c : line) {
    if (c == '"') in_quotes = !in_quotes;
    const std::size_t candidate = kCandidates.find(c);
    if (!in_quotes && candidate != std::string_view::npos) ++counts[candidate];
  }
  return kCandidates[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) -
                                              counts.begin())];
}

// Text above numbers, in the ids or in the third column, is a header.
bool stands_above_numbers(const Row& first, const Row& second) {
  if (first.size() < 2 || second.size() < 2 || is_number(first[0]) || is_number(first[1])) return false;
  if (is_number(second[0]) && is_number(second[1])) return true;
  return first.size() > 2 && second.size() > 2 && !is_number(first[2]) && is_number(second[2]);
}

[[noreturn]] void fail(const std::string& reason) {
  throw Error(ErrorKind::kGraph, reason);
}

std::size_t find_weight(const Row& row, std::size_t named, bool names_known, std::optional<bool> wanted) {
  if (wanted == false) return EdgeColumns::kNone;
  const std::size_t column = named != EdgeColumns::kNone ? named : 2;
  const bool there = named != EdgeColumns::kNone || (row.size() > 2 && (!names_known || wanted == true));
  if (!there && wanted == true) fail("no weight column, but weighted=True asks for one");
  if (!there) return EdgeColumns::kNone;
  if (row.size() > column && !is_number(row[column]) && !row[column].starts_with('{')) {
    fail(quoted(row[column]) + " in column " + std::to_string(column + 1) +
         " is not a weight; pass weighted=False to read the edges alone");
  }
  return column;
}

}  // namespace

void Row::split(std::string_view line, char delimiter) {
  fields_.clear();
  unquoted_.clear();
  if (delimiter == 0) {
    split_blanks(line);
    return;
  }
  unquoted_.reserve(line.size());  // so that fields in it stay where they are
  const char* at = line.data();
  const char* const end = at + line.size();
  const auto skip = [&at, end, delimiter] {
    while (at < end && *at != delimiter && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
  };
  while (true) {
    skip();
    if (at < end && *at == '"') {
      at = take_quoted(at + 1, end);
      skip();
      if (at < end && *at != delimiter) fail("text after the closing quote of a field");
    } else {
      const char* const field_end = std::find(at, end, delimiter);
      fields_.push_back(trimmed({at, static_cast<std::size_t>(field_end - at)}));
      at = field_end;
    }
    if (at == end) return;
    ++at;
  }
}

void Row::split_blanks(std::string_view line) {
  constexpr const char* kBlanks = " \t\r";
  for (std::size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end =
        line[at] == '{' ? line.size() : std::min(line.find_first_of(kBlanks, at), line.size());
    fields_.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
}

// Undoes doubled quotes; returns what follows the closing one.
const char* Row::take_quoted(const char* at, const char* end) {
  const std::size_t begin = unquoted_.size();
  while (true) {
    const char* const quote = std::find(at, end, '"');
    if (quote == end) fail("a quoted field does not end on its line");
    unquoted_.append(at, quote);
    at = quote + 1;
    if (at == end || *at != '"') break;
    unquoted_.push_back('"');
    ++at;
  }
  fields_.push_back(std::string_view(unquoted_).substr(begin));
  return at;
}

EdgeColumns find_edge_columns(std::string_view first, std::string_view second, bool table,
                              const ReadOptions& options, bool* second_at_fault) {
  EdgeColumns columns;
  if (table) columns.delimiter = options.delimiter != 0 ? options.delimiter : commonest_delimiter(first);
  Row above;
  Row below;
  *second_at_fault = false;
  above.split(first, columns.delimiter);
  *second_at_fault = true;
  below.split(second, columns.delimiter);

  const std::size_t source = find_named(above, kSourceNames);
  const std::size_t target = find_named(above, kTargetNames);
  const bool names_known = source != EdgeColumns::kNone && target != EdgeColumns::kNone;
  columns.has_header = options.header.value_or(names_known || stands_above_numbers(above, below));
  std::size_t weight = EdgeColumns::kNone;
  if (columns.has_header && names_known) {
    columns.source = source;
    columns.target = target;
  }
  if (columns.has_header) weight = find_named(above, kWeightNames);

  const Row& row = columns.has_header ? below : above;
  *second_at_fault = columns.has_header;
  if (columns.has_header && second.empty()) return columns;
  if (row.size() < 2) {
    fail("1 column where an edge needs source and target; columns are parted by " +
         (table ? quoted({&columns.delimiter, 1}) : "blanks"));
  }
  columns.weight = find_weight(row, weight, columns.has_header && names_known, options.weighted);
  if (row.size() > std::max(columns.source, columns.target)) {
    columns.by_label =
        options.compact.value_or(!is_number(row[columns.source]) || !is_number(row[columns.target]));
  }
  if (table || !options.weighted) columns.count = row.size();
  return columns;
}

}  // namespace ringway
