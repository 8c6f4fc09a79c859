// Numbers and words of text formats. Lines end in '\n', which no number contains, so digits need no bound.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringway {

// Reads digits from `at` on and moves it behind them. More than 19 digits give a number above every limit.
inline std::uint64_t take_digits(const char** at) {
  const char* const begin = *at;
  std::uint64_t value = 0;
  unsigned digit;
  while ((digit = static_cast<unsigned char>(**at) - unsigned{'0'}) <= 9) {
    value = value * 10 + digit;
    ++*at;
  }
  return *at - begin <= 19 ? value : ~std::uint64_t{0};
}

// The whole word as a number without sign; nothing when it is not one.
std::optional<std::uint64_t> parse_integer(std::string_view word);

// The whole word as a number, in C's notation whatever the locale; nothing when it is not one.
std::optional<double> parse_real(std::string_view word);
// The same for a word that begins with a digit, a point or a minus: by what the standard library has.
std::optional<double> parse_plain_real(std::string_view word);

bool equals_ignoring_case(std::string_view a, std::string_view b);

std::string_view trimmed(std::string_view text);

// For error texts: at most 40 bytes, in quotes, whatever is not printable ASCII as \xNN.
std::string quoted(std::string_view word);

}  // namespace ringway
