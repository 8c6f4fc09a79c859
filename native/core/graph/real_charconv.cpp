#include <charconv>

#include "core/graph/text.h"

namespace ringway {

std::optional<double> parse_plain_real(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end != word.data() + word.size() || error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace ringway
