#include "codec/error.h"

#include <utility>

namespace ringway::codec {

DecodeError::DecodeError(std::size_t offset, const std::string& reason)
    : std::runtime_error(reason + " at byte " + std::to_string(offset)), offset_(offset) {}

EncodeError::EncodeError(std::string reason) : reason_(std::move(reason)), text_(reason_) {}

void EncodeError::within(const std::string& name) {
  bool index = !path_.empty() && path_[0] == '[';
  path_ = path_.empty() ? name : index ? name + path_ : name + "." + path_;
  text_ = path_ + ": " + reason_;
}

}  // namespace ringway::codec
