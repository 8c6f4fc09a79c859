#include "core/patience.h"

#include <cstdio>

namespace ringway {
namespace {

const char* option_of(Limit limit) {
  return limit == Limit::kMessageTimeout ? "message_timeout" : "block_timeout";
}

}  // namespace

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g s", seconds);
  return text;
}

std::string Patience::text() const {
  return "within " + seconds_text(seconds) + ", " +
         (limit == Limit::kTimeout ? "the call's timeout" : std::string("its ") + option_of(limit));
}

std::string Patience::remedy(const std::string& make) const {
  if (limit == Limit::kTimeout)
    return "give a longer timeout, or " + make + " more capacity or another policy";
  return make + " more capacity, a longer " + option_of(limit) + " or another policy";
}

}  // namespace ringway
