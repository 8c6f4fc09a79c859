// Byte ranges of the shared memory's own descriptor, locked for its open file description.
#include <fcntl.h>
#include <unistd.h>

#include "core/life_locks.h"

namespace ringway {
namespace {

bool lock(int descriptor, int command, u32 number, short kind, short* found = nullptr) {
  if (descriptor < 0) return false;
  struct flock range = {};
  range.l_type = kind;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(number);
  range.l_len = 1;
  if (fcntl(descriptor, command, &range) != 0) return false;
  if (found) *found = range.l_type;
  return true;
}

}  // namespace

LifeLocks::LifeLocks(int memory, const std::string&) : opened_(std::make_unique<Inherited>()) {
  opened_->put(0, memory);
}

LifeLocks::~LifeLocks() = default;

bool LifeLocks::take(u32 number) {
  return lock(opened_->at(0), F_OFD_SETLK, number, F_WRLCK);
}

bool LifeLocks::share(u32 number) {
  return lock(opened_->at(0), F_OFD_SETLK, number, F_RDLCK);
}

void LifeLocks::drop(u32 number) {
  lock(opened_->at(0), F_OFD_SETLK, number, F_UNLCK);
}

bool LifeLocks::held(u32 number) {
  short found = F_UNLCK;
  // When the system does not answer, nobody is called dead.
  return !lock(opened_->at(0), F_OFD_GETLK, number, F_WRLCK, &found) || found != F_UNLCK;
}

}  // namespace ringway
