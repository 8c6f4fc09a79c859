#include "core/shared_watch.h"

#include "core/shared_wait.h"

namespace ringway {

SharedWatch::~SharedWatch() {
  if (!thread_) return;
  atomic::exchange_seq_cst(&ending_, 1U);  // SYNC: partner the waits in run(), by the signal
  changed_.notify();
  announce_shared(word_);
  thread_->join();
}

void SharedWatch::wanted() {
  if (!thread_) thread_ = std::make_unique<std::thread>([this] { run(); });
  // SYNC: partner run(): it sees this, or tells once more after it.
  if (!atomic::exchange_seq_cst(&wanted_, 1U)) changed_.notify();
}

void SharedWatch::forget() {
  static_cast<void>(thread_.release());
}

void SharedWatch::run() {
  constexpr std::int64_t kSleep = 20'000'000;  // ns
  u32 told = 0, naps = 0;
  auto ending = [this] { return atomic::load_seq_cst(&ending_) != 0; };  // SYNC: partner the destructor
  while (!ending()) {
    // SYNC: partner wanted(), here and below.
    changed_.wait(Wait{}, [&] { return atomic::load_seq_cst(&wanted_) || ending(); });
    const u32 now = arm_shared(word_);
    if (now == told) park_shared(word_, now, kSleep, &naps);
    told = now;
    atomic::exchange_seq_cst(&wanted_, 0U);  // SYNC: as above: who waits again from here on asks again
    tell_();
  }
}

}  // namespace ringway
