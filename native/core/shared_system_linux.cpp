#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <memory>

#include "core/shared_system.h"

namespace ringway {

int size_memory(int descriptor, std::size_t bytes) {
  return posix_fallocate(descriptor, 0, static_cast<off_t>(bytes));
}

std::string memory_left() {
  struct statvfs found = {};
  if (statvfs("/dev/shm", &found) != 0) return "";
  const auto unit = static_cast<unsigned long long>(found.f_frsize);
  return "; /dev/shm has " + std::to_string(found.f_bavail * unit) + " of " +
         std::to_string(found.f_blocks * unit) +
         " bytes left: enlarge it (mount -o remount,size=..., or a container's --shm-size)";
}

bool shares_with_others() {
  return true;
}

// glibc and musl keep POSIX shared memory in this folder.
std::vector<std::string> noted_names() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/dev/shm"), &closedir);
  std::vector<std::string> all;
  if (!folder) return all;
  const std::string prefix = shared_object("").substr(1);
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    struct stat found = {};
    if (name.compare(0, prefix.size(), prefix) == 0 && name.size() > prefix.size() &&
        fstatat(dirfd(folder.get()), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(found.st_mode) && found.st_uid == geteuid()) {
      all.push_back(name.substr(prefix.size()));
    }
  }
  return all;
}

void note_name(const std::string&) {}
void forget_name(const std::string&) {}

}  // namespace ringway
