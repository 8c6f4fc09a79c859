#include "codec/error.h"

namespace ringway::codec {

DecodeError::DecodeError(std::size_t offset, const std::string& reason)
    : std::runtime_error(reason + " at byte " + std::to_string(offset)), offset_(offset) {}

}  // namespace ringway::codec
