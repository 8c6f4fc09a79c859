#include "core/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/shared_system.h"

namespace ringway {
namespace {

[[noreturn]] void refuse(ErrorKind kind, const std::string& name, const std::string& why) {
  throw Error(kind, "shared queue '" + name + "': " + why);
}

// Of a call for memory that failed.
ErrorKind kind_of_errno() {
  return errno == ENOSPC || errno == ENOMEM ? ErrorKind::kOutOfMemory : ErrorKind::kInvalidOption;
}

std::string reason() {
  return std::strerror(errno);
}

bool is_mode(u32 mode) {
  return mode == kOwnerOnly || mode == kGroup || mode == kEverybody;
}

std::string octal(u32 mode) {
  std::ostringstream text;
  text << "0o" << std::oct << mode;
  return text.str();
}

void check_mode(const std::string& name, u32 mode) {
  if (!is_mode(mode)) {
    refuse(ErrorKind::kInvalidOption, name,
           "mode is " + octal(mode) + "; it must be 0o600, 0o660 or 0o666: senders and receivers both write");
  }
  if (mode != kOwnerOnly && !shares_with_others()) {
    refuse(ErrorKind::kInvalidOption, name,
           "mode is " + octal(mode) + "; on this system it must be 0o600: its locks are its user's own");
  }
}

}  // namespace

void SharedMemory::check_name(const std::string& name) {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (!name.empty() && name.size() <= kMostName && name[0] != '.' &&
      name.find_first_not_of(letters) == std::string::npos) {
    return;
  }
  throw Error(ErrorKind::kInvalidOption, "'" + name + "' is no name of a shared queue; one has 1 to " +
                                             std::to_string(kMostName) +
                                             " letters of A-Z a-z 0-9 . _ - and does not begin with a dot");
}

SharedMemory::SharedMemory(std::string name, int descriptor)
    : name_(std::move(name)), descriptor_(descriptor) {}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : name_(std::move(other.name_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      mode_(other.mode_),
      of_this_user_(other.of_this_user_) {}

SharedMemory::~SharedMemory() {
  if (data_) munmap(data_, bytes_);
  if (descriptor_ >= 0) close(descriptor_);
}

int SharedMemory::take_descriptor() {
  return std::exchange(descriptor_, -1);
}

// By a descriptor of its own: a mapping, which children inherit, keeps its open file, and the locks of that.
void SharedMemory::map(std::size_t bytes) {
  const int again = shm_open(shared_object(name_).c_str(), O_RDWR, 0);
  struct stat first = {}, second = {};
  const bool same = again >= 0 && fstat(descriptor_, &first) == 0 && fstat(again, &second) == 0 &&
                    first.st_dev == second.st_dev && first.st_ino == second.st_ino;
  void* const at = same ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) : MAP_FAILED;
  const ErrorKind kind = same ? kind_of_errno() : ErrorKind::kNotFound;
  const std::string why = same ? reason() : "it was removed meanwhile";
  if (again >= 0) close(again);
  if (at == MAP_FAILED) {
    refuse(kind, name_, "its " + std::to_string(bytes) + " bytes cannot be mapped: " + why);
  }
  data_ = static_cast<u8*>(at);
  bytes_ = bytes;
}

SharedMemory SharedMemory::create(const std::string& name, std::size_t bytes, u32 mode) {
  check_name(name);
  check_mode(name, mode);
  SharedMemory memory(name, shm_open(shared_object(name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  if (memory.descriptor_ < 0) {
    if (errno == EEXIST) {
      refuse(ErrorKind::kInvalidState, name,
             "there is one already; attach to it, or remove it with `ringway queues clean`");
    }
    refuse(ErrorKind::kInvalidOption, name, "cannot be created: " + reason());
  }
  fcntl(memory.descriptor_, F_SETFD, FD_CLOEXEC);
  note_name(name);
  try {
    memory.mode_ = mode;
    // Whatever the umask says.
    if (mode != kOwnerOnly && fchmod(memory.descriptor_, mode_t(mode)) != 0) {
      refuse(ErrorKind::kInvalidOption, name, "mode " + octal(mode) + " cannot be set: " + reason());
    }
    errno = size_memory(memory.descriptor_, bytes);
    if (errno != 0) {
      refuse(kind_of_errno(), name,
             std::to_string(bytes) + " bytes of shared memory are not to be had: " + reason() +
                 memory_left() + "; ask for less capacity or smaller messages");
    }
    memory.map(bytes);
  } catch (...) {
    unlink(name);
    throw;
  }
  return memory;
}

SharedMemory SharedMemory::open(const std::string& name, u32 mode) {
  check_name(name);
  check_mode(name, shares_with_others() ? mode : u32(kOwnerOnly));
  SharedMemory memory(name, shm_open(shared_object(name).c_str(), O_RDWR, 0));
  if (memory.descriptor_ < 0) {
    if (errno == ENOENT) {
      refuse(ErrorKind::kNotFound, name, "there is none; `ringway queues list` shows those there are");
    }
    refuse(ErrorKind::kLayout, name,
           "cannot be opened: " + reason() +
               "; its creator's user alone may attach to it, unless it was created with another mode");
  }
  fcntl(memory.descriptor_, F_SETFD, FD_CLOEXEC);
  struct stat found = {};
  if (fstat(memory.descriptor_, &found) != 0) refuse(ErrorKind::kLayout, name, reason());
  memory.mode_ = found.st_mode & 0777;
  memory.of_this_user_ = found.st_uid == geteuid();
  if (!memory.of_this_user_ && mode == kOwnerOnly) {
    refuse(ErrorKind::kLayout, name,
           "its owner is user " + std::to_string(found.st_uid) + ", this process runs as " +
               std::to_string(geteuid()) +
               "; attach with the mode that it was created with if that user is to be trusted");
  }
  if (memory.mode_ & ~mode) {
    refuse(ErrorKind::kLayout, name,
           "its mode " + octal(memory.mode_) + " lets others than its owner open it" +
               (is_mode(memory.mode_)
                    ? "; attach with mode=" + octal(memory.mode_) + " if they are to be trusted"
                    : ", in a way that ringway never does; another program made it"));
  }
  if (found.st_size > 0) memory.map(static_cast<std::size_t>(found.st_size));
  return memory;
}

bool SharedMemory::unlink(const std::string& name) {
  check_name(name);
  const bool removed = shm_unlink(shared_object(name).c_str()) == 0;
  forget_name(name);
  return removed;
}

std::vector<std::string> SharedMemory::names() {
  std::vector<std::string> all = noted_names();
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace ringway
