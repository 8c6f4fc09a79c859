// One small file for each lock, in a folder beside the memory: for systems that cannot lock a part of an open file.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/life_locks.h"
#include "core/user_folder.h"

namespace ringway {
namespace {

int open_lock(const std::string& folder, u32 number) {
  const std::string path = folder + "/" + std::to_string(number);
  return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

}  // namespace

LifeLocks::LifeLocks(int memory, const std::string& name)
    : folder_(user_folder(name)), opened_(std::make_unique<Inherited>()) {
  close(memory);
}

LifeLocks::~LifeLocks() = default;

bool LifeLocks::take(u32 number) {
  if (opened_->at(number) < 0) opened_->put(number, open_lock(folder_, number));
  if (flock(opened_->at(number), LOCK_EX | LOCK_NB) == 0) return true;
  opened_->close(number);
  return false;
}

bool LifeLocks::share(u32 number) {
  if (opened_->at(number) < 0) opened_->put(number, open_lock(folder_, number));
  if (flock(opened_->at(number), LOCK_SH | LOCK_NB) == 0) return true;
  opened_->close(number);
  return false;
}

void LifeLocks::drop(u32 number) {
  opened_->close(number);
}

// By trying: who asks at the same time is taken for its owner, and asks again later.
bool LifeLocks::held(u32 number) {
  const int descriptor = open_lock(folder_, number);
  const bool free = descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  if (descriptor >= 0) close(descriptor);
  return !free;
}

}  // namespace ringway
