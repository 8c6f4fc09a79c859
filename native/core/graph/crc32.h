// CRC-32 as in gzip and PNG (polynomial 0xEDB88320, reflected): zlib's crc32 gives the same values.
#pragma once
#include <cstdint>
#include <string_view>

namespace ringway {

std::uint32_t crc32(std::string_view bytes);

}  // namespace ringway
