#include "core/log.h"

#include <cctype>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <utility>

#include "core/wait.h"

namespace ringway::log {
namespace {

struct Kept {
  std::mutex mutex;
  std::condition_variable come;
  std::deque<LogLine> records;
  std::uint64_t lost = 0;
  bool on = false;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Level from_environment() {
  const std::string value = environment("RINGWAY_LOG");
  std::string name = value;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "debug") return Level::kDebug;
  if (name == "info") return Level::kInfo;
  if (name == "warning") return Level::kWarning;
  if (!name.empty() && name != "silent") {
    write(Level::kWarning, {"log"},
          "RINGWAY_LOG is '" + value + "'; it must be debug, info, warning or silent");
  }
  return Level::kSilent;
}

u32& level() {
  static u32 level = u32(from_environment());
  return level;
}

u32& json() {
  static u32 json = environment("RINGWAY_LOG_FORMAT") == "json";
  return json;
}

// Never freed: threads may write while the process exits.
Kept*& kept() {
  static auto* kept = new Kept;
  return kept;
}

void append_quoted(std::string* to, const char* key, std::string_view text) {
  *to += std::string(", \"") + key + "\": \"";
  for (const char c : text) {
    if (c == '"' || c == '\\') *to += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      *to += c;
      continue;
    }
    char escaped[8];
    std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(c));
    *to += escaped;
  }
  *to += '"';
}

std::string as_json(const LogLine& record, const char* time) {
  std::string text = std::string("{\"time\": ") + time;
  append_quoted(&text, "level", name_of(record.level));
  append_quoted(&text, "event", record.event);
  if (!record.runtime.empty()) append_quoted(&text, "runtime", record.runtime);
  if (!record.kernel.empty()) append_quoted(&text, "kernel", record.kernel);
  append_quoted(&text, "message", record.text);
  return text + "}";
}

bool keep_record(LogLine* record) {
  Kept& into = *kept();
  const std::lock_guard lock(into.mutex);
  if (!into.on) return false;
  if (into.records.size() == kMostKept) {
    into.records.pop_front();
    ++into.lost;
  }
  into.records.push_back(std::move(*record));
  into.come.notify_one();
  return true;
}

}  // namespace

const char* name_of(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kSilent: break;
  }
  return "silent";
}

Level threshold() {
  return static_cast<Level>(atomic::load_relaxed(&level()));  // relaxed: by itself
}

void set_threshold(Level to) {
  atomic::store_relaxed(&level(), u32(to));  // relaxed: by itself
}

void set_json(bool on) {
  atomic::store_relaxed(&json(), u32(on));  // relaxed: by itself
}

void keep(bool on) {
  Kept& into = *kept();
  const std::lock_guard lock(into.mutex);
  into.on = on;
  into.come.notify_all();
}

Taken take() {
  Kept& from = *kept();
  std::unique_lock lock(from.mutex);
  from.come.wait(lock, [&] { return !from.on || !from.records.empty(); });
  Taken taken;
  taken.records.assign(std::make_move_iterator(from.records.begin()),
                       std::make_move_iterator(from.records.end()));
  taken.lost = std::exchange(from.lost, 0);
  taken.over = !from.on;
  from.records.clear();
  return taken;
}

void forget_kept() {
  kept() = new Kept;
}

void write(Level level, const About& about, const std::string& text) {
  LogLine record{level, unix_us(), about.event, std::string(about.kernel), std::string(about.runtime), text};
  if (keep_record(&record)) return;
  char time[32];
  std::snprintf(time, sizeof(time), "%llu.%06llu",
                static_cast<unsigned long long>(record.time_us / 1'000'000),
                static_cast<unsigned long long>(record.time_us % 1'000'000));
  if (atomic::load_relaxed(&json())) {  // relaxed: by itself
    std::fprintf(stderr, "%s\n", as_json(record, time).c_str());
  } else {
    std::fprintf(stderr, "ringway %s %s: %s\n", time, name_of(level), text.c_str());
  }
}

}  // namespace ringway::log
