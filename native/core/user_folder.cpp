#include "core/user_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "core/error.h"

namespace ringway {

std::string user_folder() {
  const std::string path = "/tmp/ringway-" + std::to_string(geteuid());
  mkdir(path.c_str(), 0700);
  struct stat found = {};
  if (lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
      !(found.st_mode & 077)) {
    return path;
  }
  throw Error(
      ErrorKind::kInvalidState,
      path + ", which holds the locks of shared queues, is not a folder of this user alone; remove it");
}

std::string user_folder(const std::string& name) {
  const std::string path = user_folder() + "/" + name;
  mkdir(path.c_str(), 0700);
  return path;
}

void remove_user_folder(const std::string& name) {
  const std::string path = user_folder() + "/" + name;
  if (const std::unique_ptr<DIR, int (*)(DIR*)> folder{opendir(path.c_str()), &closedir}) {
    while (const dirent* entry = readdir(folder.get())) unlinkat(dirfd(folder.get()), entry->d_name, 0);
  }
  rmdir(path.c_str());
}

}  // namespace ringway
