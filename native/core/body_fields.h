// The members of a message class that its envelope repeats, so that an envelope can be made from a body alone.
#pragma once
#include <span>

#include "ringway/layout.h"

namespace ringway {

struct BodyField {
  i32 at = -1;            // bytes from the body's begin; -1: the class has none
  bool nullable = false;  // and then a flag of four bytes comes before it
};

struct BodyFields {
  BodyField id, correlation, priority;  // GUID, GUID, u8
};

// Writes what the body has of them; whether it has an id.
bool read_fields(const BodyFields& fields, std::span<const u8> body, Envelope* envelope);

}  // namespace ringway
