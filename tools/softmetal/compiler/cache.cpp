#include "compiler/cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace softmetal {

std::string cache_folder() {
  const char* given = std::getenv("SOFTMETAL_CACHE");
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path folder;
  if (given && *given) {
    folder = given;
  } else if (cache && *cache) {
    folder = std::filesystem::path(cache) / "softmetal";
  } else if (home && *home) {
    folder = std::filesystem::path(home) / ".cache" / "softmetal";
  } else {
    folder = std::filesystem::temp_directory_path() / ("softmetal-" + std::to_string(getuid()));
  }
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);  // what lies here is executed
  return folder.string();
}

std::string cache_path(const std::string& folder, const std::string& key) {
  uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  char name[32];
  std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(hash));
  return folder + "/" + name;
}

bool cache_holds(const std::string& path, const std::string& key) {
  return access((path + ".so").c_str(), R_OK) == 0 && read_file(path + ".key") == key;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace softmetal
