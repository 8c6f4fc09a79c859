#include "core/inherited.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

namespace ringway {
namespace {

// Never destroyed: threads may fork while the process exits.
std::mutex& changing() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}
std::vector<Inherited*>& all() {
  static auto* const objects = new std::vector<Inherited*>;
  return *objects;
}

}  // namespace

// The lock is held over fork(), so that the child finds the list whole.
void Inherited::forget_in_child() {
  for (Inherited* object : all()) object->close_all();
  changing().unlock();
}

Inherited::Inherited() {
  static const bool watching = pthread_atfork([] { changing().lock(); }, [] { changing().unlock(); },
                                              &Inherited::forget_in_child) == 0;
  static_cast<void>(watching);
  const std::lock_guard lock(changing());
  all().push_back(this);
}

Inherited::~Inherited() {
  const std::lock_guard lock(changing());
  all().erase(std::find(all().begin(), all().end(), this));
  close_all();
}

void Inherited::put(std::size_t place, int descriptor) {
  const std::lock_guard lock(changing());
  if (place >= descriptors_.size()) descriptors_.resize(place + 1, -1);
  descriptors_[place] = descriptor;
}

int Inherited::at(std::size_t place) const {
  const std::lock_guard lock(changing());
  return place < descriptors_.size() ? descriptors_[place] : -1;
}

void Inherited::close(std::size_t place) {
  const std::lock_guard lock(changing());
  if (place >= descriptors_.size() || descriptors_[place] < 0) return;
  ::close(descriptors_[place]);
  descriptors_[place] = -1;
}

void Inherited::close_all() {
  for (int descriptor : descriptors_) {
    if (descriptor >= 0) ::close(descriptor);
  }
  descriptors_.clear();
}

}  // namespace ringway
