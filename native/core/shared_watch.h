// Passes on to this process's event loops what other processes announce: one thread for each side of a queue that event
// loops wait on, from the first such wait until the queue goes. It sleeps while none does.
#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "core/wait.h"

namespace ringway {

class SharedWatch {
 public:
  // `tell` is called when the word has changed, and now and then: what a dead peer left announces itself to nobody.
  SharedWatch(u32* word, std::function<void()> tell) : word_(word), tell_(std::move(tell)) {}
  ~SharedWatch();
  SharedWatch(const SharedWatch&) = delete;
  SharedWatch& operator=(const SharedWatch&) = delete;

  // Somebody waits, and will look once more after this.
  void wanted();
  // In a child after fork(), which does not have the thread.
  void forget();

 private:
  void run();

  u32* const word_;
  const std::function<void()> tell_;
  Signal changed_;
  u32 wanted_ = 0, ending_ = 0;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace ringway
