// How long a sender waits for room under the policy `block`, and which limit that is.
#pragma once
#include <string>

#include "core/error.h"

namespace ringway {

std::string seconds_text(double seconds);  // "0.05 s"

enum class Limit { kTimeout, kBlockTimeout, kMessageTimeout };  // the call's own; of the receiver's options

struct Patience {
  double seconds;
  Limit limit;
  void (*check)() = nullptr;               // as in Wait
  ErrorKind late = ErrorKind::kQueueFull;  // what the sender is told at the end

  // "within 5 s, its block_timeout"
  std::string text() const;
  // What gives the sender longer; `make` is the verb that sets the receiver's options.
  std::string remedy(const std::string& make) const;
};

}  // namespace ringway
