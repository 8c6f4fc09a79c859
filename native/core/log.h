// What the native parts have to say: launches, transitions, failures, each with what it is about.
//
// Lines go to the error stream, or are kept until somebody takes them (the bindings, for Python's logging): whoever
// writes one may hold any lock, and must never run a user's code.
#pragma once
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::log {

enum class Level : std::uint32_t { kDebug, kInfo, kWarning, kSilent };

// What a line is about, for machines. An empty name: about none.
struct About {
  const char* event;
  std::string_view kernel = {};
  std::string_view runtime = {};
};

struct LogLine {
  Level level;
  std::uint64_t time_us;  // since the Unix epoch
  std::string event, kernel, runtime, text;
};

// The least level that is written; at first as RINGWAY_LOG=debug|info|warning says.
Level threshold();
void set_threshold(Level level);
// Lines on the error stream are JSON objects; at first as RINGWAY_LOG_FORMAT=json says.
void set_json(bool json);
const char* name_of(Level level);

// Keeps records for take() instead of writing them, the last kMostKept; or writes them again, and lets take() end.
constexpr std::size_t kMostKept = 4096;
void keep(bool on);
struct Taken {
  std::vector<LogLine> records;
  std::uint64_t lost = 0;  // older ones that there was no place for
  bool over = false;       // no more will come
};
// Waits for the next records.
Taken take();
// In a child after fork(), where a lock may be held by a thread that is not here.
void forget_kept();

void write(Level level, const About& about, const std::string& text);

// A line that there is no memory for is left out.
template <class MakeText>
void line(Level level, const About& about, MakeText make_text) noexcept {
  if (threshold() > level) return;
  try {
    write(level, about, make_text());
  } catch (const std::bad_alloc&) {
  }
}
template <class MakeText>
void debug(const About& about, MakeText make_text) {
  line(Level::kDebug, about, make_text);
}
template <class MakeText>
void info(const About& about, MakeText make_text) {
  line(Level::kInfo, about, make_text);
}
template <class MakeText>
void warning(const About& about, MakeText make_text) {
  line(Level::kWarning, about, make_text);
}

}  // namespace ringway::log
