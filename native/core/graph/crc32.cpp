#include "core/graph/crc32.h"

#include <array>
#include <bit>
#include <cstring>

namespace ringway {
namespace {

static_assert(std::endian::native == std::endian::little, "eight bytes at a time are read as they lie");

using Table = std::array<std::uint32_t, 256>;

// tables[k][b]: what byte b does to the sum when k bytes follow it.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320U : 0U);
    tables[0][byte] = sum;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 255];
    }
  }
  return tables;
}

constexpr std::array<Table, 8> kTables = make_tables();

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t sum = ~std::uint32_t{0};
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= sum;
    sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum ^= kTables[7 - i][(word >> (8 * i)) & 255];
  }
  for (; left > 0; ++at, --left) sum = (sum >> 8) ^ kTables[0][(sum ^ static_cast<unsigned char>(*at)) & 255];
  return ~sum;
}

}  // namespace ringway
