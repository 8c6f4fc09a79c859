// The lines of a shared queue's notes that this process holds, and whether those of others live. A process takes a line
// for each claim that it has open at a time and keeps it for the next one.
#pragma once
#include <mutex>
#include <vector>

#include "core/life_locks.h"
#include "core/shared_layout.h"

namespace ringway {

class Members {
 public:
  enum Side : u32 { kSenders, kReceivers };

  Members(SharedBlock* block, LifeLocks* locks) : block_(block), locks_(locks) {}

  // A line with no claim, this thread's until leave(); kNobody when living processes have all of them, or when the
  // table's lock cannot be had for now. `adopt`: the line that is kept for adoptions, of kReceivers.
  u32 enter(Side side, bool adopt = false);
  void leave(Side side, u32 line);
  NoteLine* lines(Side side) const { return block_->notes[side]; }
  // Whether the line is this process's or another living one's.
  bool lives(Side side, u32 line);

  // The table's lock, over all processes and threads. False when it was not to be had within a few milliseconds.
  bool lock_table();
  void unlock_table();

 private:
  static u32 lock_of(Side side, u32 line) { return kFirstLineLock + u32(side) * kLinesPerSide + line; }
  u32 enter_new(Side side, bool adopt);
  bool enter_line(Side side, u32 line);

  struct Own {
    bool held[kLinesPerSide] = {};
    std::vector<u32> free;
  };
  SharedBlock* const block_;
  LifeLocks* const locks_;
  std::mutex changing_;  // of own_
  std::mutex table_;     // the table's lock between this process's threads
  Own own_[2];
};

}  // namespace ringway
