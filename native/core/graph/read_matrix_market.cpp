#include "core/graph/read_matrix_market.h"

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/graph/edge_columns.h"
#include "core/graph/text.h"

namespace ringway {
namespace {

constexpr std::uint64_t kShortestEntry = 4;  // "1 1" and a line end

const char* skip_blanks(const char* at) {
  while (*at == ' ' || *at == '\t' || *at == '\r') ++at;
  return at;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view candidate : words) {
    if (equals_ignoring_case(word, candidate)) return true;
  }
  return false;
}

}  // namespace

void MatrixMarketReader::take(const char* at, const char* end) {
  while (at < end) {
    if (expect_ == Expect::kEntry) at = take_entries(at, end);
    if (at == end) return;
    const auto* line_end =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const std::string_view text = trimmed({at, static_cast<std::size_t>(line_end - at)});
    at = line_end + 1;
    ++line_;
    if (expect_ == Expect::kBanner) {
      take_banner(text);
    } else if (!text.empty() && text.front() != '%') {
      take_size(text);
    }
  }
}

void MatrixMarketReader::take_banner(std::string_view line) {
  Row words;
  words.split(line, 0);
  if (words.size() != 5 || !one_of(words[0], {"%%MatrixMarket"}) || !one_of(words[1], {"matrix"})) {
    fail("not a Matrix Market file: the first line is not '%%MatrixMarket matrix coordinate FIELD SYMMETRY'");
  }
  if (!one_of(words[2], {"coordinate"})) {
    fail("format " + quoted(words[2]) + " is not a graph; only 'coordinate' matrices are read");
  }
  if (!one_of(words[3], {"pattern", "real", "double", "integer", "unsigned-integer"})) {
    fail("field " + quoted(words[3]) +
         " has no order; weights are 'real' or 'integer', or none for 'pattern'");
  }
  const bool skew = one_of(words[4], {"skew-symmetric"});
  const bool symmetric = skew || one_of(words[4], {"symmetric"});
  if (!symmetric && !one_of(words[4], {"general"})) {
    fail("symmetry " + quoted(words[4]) + " is not 'general', 'symmetric' or 'skew-symmetric'");
  }
  has_values_ = !one_of(words[3], {"pattern"});
  weighted_ = options_.weighted.value_or(has_values_);
  if (weighted_ && !has_values_) fail("a pattern has no values, but weighted=True asks for them");
  if (weighted_ && skew) {
    fail(
        "half the entries of a skew-symmetric matrix are negative; pass weighted=False to read the edges "
        "alone");
  }
  edges_ = EdgeBuilder(weighted_, symmetric || !options_.directed.value_or(true));
  expect_ = Expect::kSize;
}

void MatrixMarketReader::take_size(std::string_view line) {
  Row words;
  words.split(line, 0);
  const auto number = [this, &words](std::size_t i) {
    const std::optional<std::uint64_t> value = parse_integer(words[i]);
    if (!value) fail(quoted(words[i]) + " is not a count; this line holds rows, columns and entries");
    return *value;
  };
  if (words.size() != 3) fail("this line must hold three numbers: rows, columns and entries");
  nodes_ = number(0);
  entries_ = number(2);
  if (number(1) != nodes_) {
    fail("the matrix is not square (" + quoted(words[0]) + " rows, " + quoted(words[1]) +
         " columns), so no graph");
  }
  if (nodes_ > plausible_nodes(entries_)) {
    fail("a graph of " + std::to_string(nodes_) + " nodes with only " + std::to_string(entries_) +
         " entries; the limit is " + std::to_string(plausible_nodes(entries_)));
  }
  if (options_.bytes && entries_ > *options_.bytes / kShortestEntry) {
    fail(std::to_string(entries_) + " entries cannot be in a file of " + std::to_string(*options_.bytes) +
         " bytes");
  }
  expect_ = Expect::kEntry;
}

const char* MatrixMarketReader::take_entries(const char* at, const char* end) {
  while (at < end) {
    ++line_;
    const char* p = skip_blanks(at);
    if (*p == '\n' || *p == '%') {
      at = static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p))) + 1;
      continue;
    }
    if (taken_ == entries_)
      fail("more than the " + std::to_string(entries_) + " entries that the header announces");
    const auto index = [&](const char* what) {
      p = skip_blanks(p);
      const char* const begin = p;
      const std::uint64_t value = take_digits(&p);
      const bool ended = p != begin && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n');
      if (!ended) {
        while (*p != ' ' && *p != '\t' && *p != '\n') ++p;
        fail(quoted({begin, static_cast<std::size_t>(p - begin)}) + " is not a " + what + " number");
      }
      if (value == 0 || value > nodes_) {
        fail(std::string(what) + " " + quoted({begin, static_cast<std::size_t>(p - begin)}) +
             " is not from 1 to " + std::to_string(nodes_));
      }
      return static_cast<std::uint32_t>(value - 1);
    };
    const std::uint32_t row = index("row");
    const std::uint32_t column = index("column");
    const double value = has_values_ ? take_value(&p) : 1.0;
    p = skip_blanks(p);
    if (*p != '\n') fail(has_values_ ? "more than row, column and value" : "more than row and column");
    edges_.add(row, column, value);
    ++taken_;
    at = p + 1;
  }
  return at;
}

double MatrixMarketReader::take_value(const char** at) {
  const char* const begin = skip_blanks(*at);
  const char* p = begin;
  const std::uint64_t digits = take_digits(&p);
  const bool is_integer = p != begin && p - begin <= 15 && (*p == '\n' || *p == ' ' || *p == '\r');
  while (*p != '\n' && *p != ' ' && *p != '\t' && *p != '\r') ++p;
  *at = p;
  if (is_integer) return static_cast<double>(digits);
  const std::string_view word(begin, static_cast<std::size_t>(p - begin));
  if (word.empty()) fail("no value, but the header announces one");
  if (!weighted_) return 1.0;
  const std::optional<double> value = parse_real(word);
  if (value && *value >= 0 && std::isfinite(*value)) return *value;
  fail(quoted(word) +
       " is not a weight: a finite number of at least 0; pass weighted=False to read the edges alone");
}

Graph::Ptr MatrixMarketReader::done() {
  if (line_ == 0) fail_whole("the file is empty");
  if (expect_ != Expect::kEntry) fail("the file ends before its line of rows, columns and entries");
  if (taken_ != entries_) {
    fail("the file ends after " + std::to_string(taken_) + " of " + std::to_string(entries_) + " entries");
  }
  return edges_.finish(nodes_, std::nullopt);
}

}  // namespace ringway
