// A thread that moves messages from one place to another until it is stopped, or an exception says that an end has come.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/wait.h"

namespace ringway {

class Conveyor {
 public:
  // `name` is for texts, `subject` what the log files it under.
  Conveyor(std::string name, std::string subject);
  ~Conveyor();
  Conveyor(const Conveyor&) = delete;
  Conveyor& operator=(const Conveyor&) = delete;

  const std::string& name() const { return name_; }
  // Calls `move` over and over from now on. Throws kInvalidState.
  void start(std::function<void()> move);
  // Whether `move` is to return.
  bool stopping() const {
    return atomic::load_relaxed(&stop_) != 0;
  }  // relaxed: looked at again within a wait's slice
  // Returns when the thread has ended; `wake` ends what it waits in.
  void stop(const std::function<void()>& wake);
  // Whether it has ended: stopped, or by an exception.
  bool done() const { return atomic::load_seq_cst(&done_) != 0; }  // SYNC: partner run(): why_
  bool wait(const Wait& until);                                    // for the end; false at the deadline
  std::string why() const { return done() ? why_ : ""; }           // it ended

 private:
  void run();

  const std::string name_, subject_;
  std::function<void()> move_;
  const u32 process_;
  u32 stop_ = 0, done_ = 0;
  std::string why_;
  Signal finished_;
  std::unique_ptr<std::thread> thread_;  // the last member: it uses the others
};

}  // namespace ringway
