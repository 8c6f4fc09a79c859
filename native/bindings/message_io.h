// Messages between Python and the runtime: an object or plain bytes becomes an envelope and a body, and back.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "bindings/bindings.h"
#include "ringway/layout.h"

namespace ringway::bindings {

// A message on its way out. The body lies here or in the caller's object, which must outlive this.
struct Outgoing {
  Envelope envelope{};
  const std::string* type_name = &plain_bytes;
  std::span<const u8> body;
  std::unique_ptr<u8[]> large;
  u8 small[1024];

  static const std::string plain_bytes;  // empty: no message class
};

// What a call asks for beside the message; None, or null: the message's own, else the default.
struct Wanted {
  py::handle priority;    // 0 to 255
  py::handle ttl;         // seconds
  py::handle message_id;  // uuid.UUID
};

// Throws kInvalidOption when `wanted` is out of range, or names what the message has a member for.
void encode(py::handle message, const Wanted& wanted, Outgoing* out);
py::object decode(const Envelope& envelope, std::span<const u8> body);

// Looks for signals (Ctrl-C) from a wait without the GIL; null in threads that get none.
using Check = void (*)();
Check signal_check();

}  // namespace ringway::bindings
