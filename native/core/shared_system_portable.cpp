// A folder for each memory, which holds its locks too (life_locks_files.cpp).
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "core/shared_system.h"
#include "core/user_folder.h"

namespace ringway {

int size_memory(int descriptor, std::size_t bytes) {
  const auto pages = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES));
  if (bytes / static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) > pages) return ENOMEM;
  return ftruncate(descriptor, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
}

std::string memory_left() {
  return "";
}

bool shares_with_others() {
  return false;
}

std::vector<std::string> noted_names() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(user_folder().c_str()), &closedir);
  std::vector<std::string> all;
  if (!folder) return all;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') all.emplace_back(entry->d_name);
  }
  return all;
}

void note_name(const std::string& name) {
  user_folder(name);
}

void forget_name(const std::string& name) {
  remove_user_folder(name);
}

}  // namespace ringway
