// Event loops that wait for the same thing, for instance a message in a queue; each is told once.
#pragma once
#include <mutex>
#include <vector>

#include "core/completion.h"

namespace ringway {

class Watchers {
 public:
  // Look at what is waited for after this, not before.
  void add(Completion* node);
  // True: the node was not told, and never will be. False: it is on its port's list.
  bool remove(Completion* node);
  // After something was published.
  void tell();

 private:
  std::mutex changing_;
  std::vector<Completion*> nodes_;
  u32 waiting_ = 0;
};

}  // namespace ringway
