// RINGWAY_LOG=debug|info|warning writes launches and transitions to the error stream.
#pragma once
#include <string>

namespace ringway::log {

enum class Level { kDebug, kInfo, kWarning, kSilent };

// The least level that is written; read from the environment once.
Level threshold();
void write(Level level, const std::string& text);

template <class MakeText>
void debug(MakeText make_text) {
  if (threshold() <= Level::kDebug) write(Level::kDebug, make_text());
}
template <class MakeText>
void info(MakeText make_text) {
  if (threshold() <= Level::kInfo) write(Level::kInfo, make_text());
}
template <class MakeText>
void warning(MakeText make_text) {
  if (threshold() <= Level::kWarning) write(Level::kWarning, make_text());
}

}  // namespace ringway::log
