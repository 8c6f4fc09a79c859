// For standard libraries without std::from_chars of floating point.
#include <locale>
#include <sstream>
#include <string>

#include "core/graph/text.h"

namespace ringway {

std::optional<double> parse_plain_real(std::string_view word) {
  std::istringstream stream{std::string(word)};
  stream.imbue(std::locale::classic());
  double value = 0;
  stream >> value;
  if (stream.fail() || stream.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  return value;
}

}  // namespace ringway
