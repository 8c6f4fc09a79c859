#include "core/body_fields.h"

#include <cstring>

namespace ringway {
namespace {

bool read(const BodyField& field, std::span<const u8> body, void* to, std::size_t bytes) {
  constexpr std::size_t kFlag = 4;
  if (field.at < 0) return false;
  std::size_t at = std::size_t(field.at);
  if (at + (field.nullable ? kFlag : 0) + bytes > body.size()) return false;
  if (field.nullable) {
    if (!body[at]) return false;
    at += kFlag;
  }
  std::memcpy(to, body.data() + at, bytes);
  return true;
}

}  // namespace

bool read_fields(const BodyFields& fields, std::span<const u8> body, Envelope* envelope) {
  read(fields.correlation, body, envelope->correlation_id, sizeof(envelope->correlation_id));
  read(fields.priority, body, &envelope->priority, sizeof(envelope->priority));
  return read(fields.id, body, envelope->message_id, sizeof(envelope->message_id));
}

}  // namespace ringway
