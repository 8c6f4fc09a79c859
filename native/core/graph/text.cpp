#include "core/graph/text.h"

#include <algorithm>
#include <charconv>

namespace ringway {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::optional<std::uint64_t> parse_integer(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || end != word.data() + word.size()) return std::nullopt;
  return error == std::errc{} ? value : ~std::uint64_t{0};
}

std::optional<double> parse_real(std::string_view word) {
  if (word.starts_with('+')) word.remove_prefix(1);
  const std::size_t first = word.starts_with('-') ? 1 : 0;
  if (word.size() <= first || (word[first] != '.' && (word[first] < '0' || word[first] > '9')))
    return std::nullopt;
  return parse_plain_real(word);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string quoted(std::string_view word) {
  constexpr std::size_t kLongest = 40;
  constexpr const char* kHex = "0123456789abcdef";
  std::string text = "'";
  for (const char c : word.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      text += c;
    } else {
      text += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return text + (word.size() > kLongest ? "...'" : "'");
}

}  // namespace ringway
