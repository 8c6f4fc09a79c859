// RINGWAY_LOG=debug|info|warning writes launches and transitions to the error stream.
#pragma once
#include <new>
#include <string>

namespace ringway::log {

enum class Level { kDebug, kInfo, kWarning, kSilent };

// The least level that is written; read from the environment once.
Level threshold();
void write(Level level, const std::string& text);

// A line that there is no memory for is left out.
template <class MakeText>
void line(Level level, MakeText make_text) noexcept {
  if (threshold() > level) return;
  try {
    write(level, make_text());
  } catch (const std::bad_alloc&) {
  }
}
template <class MakeText>
void debug(MakeText make_text) {
  line(Level::kDebug, make_text);
}
template <class MakeText>
void info(MakeText make_text) {
  line(Level::kInfo, make_text);
}
template <class MakeText>
void warning(MakeText make_text) {
  line(Level::kWarning, make_text);
}

}  // namespace ringway::log
