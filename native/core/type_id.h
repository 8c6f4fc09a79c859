#pragma once
#include <string>

#include "ringway/wire.h"

namespace ringway {

// The number of a message type in envelopes, from its wire name; 0 stands for plain bytes.
inline u32 type_id_of(const std::string& wire_name) {
  return wire_name.empty() ? 0 : fnv1a(wire_name.data(), u32(wire_name.size()));
}

}  // namespace ringway
