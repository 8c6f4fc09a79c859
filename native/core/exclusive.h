// A lock for what may be held while a handler returns or a kernel drains: its waiters honour time-outs and Ctrl-C.
#pragma once
#include <utility>

#include "core/wait.h"

namespace ringway {

class Exclusive {
 public:
  // Lets go when it goes.
  class Held {
   public:
    explicit Held(Exclusive* lock) : lock_(lock) {}
    Held(Held&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Held& operator=(Held&& other) noexcept {
      std::swap(lock_, other.lock_);
      return *this;
    }
    ~Held() {
      if (lock_) lock_->unlock();
    }
    // False: `until` was over before.
    explicit operator bool() const { return lock_ != nullptr; }

   private:
    Exclusive* lock_;
  };

  // When somebody holds it, asks until.check at once, and then now and then; throws what that throws.
  Held hold(const Wait& until) {
    const auto take = [this] {
      // SYNC: partner exchange_seq_cst in unlock(): what the lock guards.
      return !atomic::load_relaxed(&held_) && !atomic::exchange_seq_cst(&held_, 1U);
    };
    if (take()) return Held(this);
    if (until.check) until.check();
    return Held(free_.wait(until, take) ? this : nullptr);
  }

 private:
  void unlock() {
    atomic::exchange_seq_cst(&held_, 0U);  // SYNC: partner take() above
    free_.notify();
  }

  u32 held_ = 0;
  Signal free_;
};

}  // namespace ringway
