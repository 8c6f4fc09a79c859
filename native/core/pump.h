// The thread that carries a runtime's bridges. It starts with the first bridge, runs each one that was woken in turn,
// and parks when none is; an exception inside a turn fails that bridge's kernel (Bridge::turn), never the thread.
#pragma once
#include <memory>
#include <mutex>
#include <thread>

#include "core/bridge.h"

namespace ringway {

class Pump {
 public:
  Pump() = default;
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  void start();  // does nothing when it runs
  void stop();   // nothing is copied any more
  void wake(Bridge& bridge);
  // Times that the thread slept.
  u64 sleeps() const { return atomic::load_relaxed(&sleeps_); }

 private:
  void run();
  std::shared_ptr<Bridge> next();
  void append(std::shared_ptr<Bridge> bridge);
  void sleep();

  std::mutex starting_;
  std::thread thread_;
  std::mutex listing_;  // of the two below, a list without allocations
  std::shared_ptr<Bridge> first_;
  Bridge* last_ = nullptr;
  u32 woken_ = 0;  // length of the list
  u32 sleeping_ = 0;
  u32 stop_ = 0;
  u64 sleeps_ = 0;
};

}  // namespace ringway
