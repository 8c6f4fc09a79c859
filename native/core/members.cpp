#include "core/members.h"

#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/noted_claim.h"
#include "core/wait.h"

namespace ringway {
namespace {

// One line of the receivers is for adoptions alone, so that dead receivers cannot use up all of them.
constexpr u32 kAdoptionLine = 0;

}  // namespace

u32 Members::enter(Side side, bool adopt) {
  if (!adopt) {
    const std::lock_guard lock(changing_);
    std::vector<u32>& free = own_[side].free;
    if (!free.empty()) {
      const u32 line = free.back();
      free.pop_back();
      return line;
    }
  }
  if (adopt) return enter_new(side, true);  // the caller has the table's lock
  if (!lock_table()) return kNobody;
  const u32 line = enter_new(side, false);
  unlock_table();
  return line;
}

u32 Members::enter_new(Side side, bool adopt) {
  if (adopt) return enter_line(side, kAdoptionLine) ? kAdoptionLine : u32(kNobody);
  for (u32 line = side == kReceivers ? kAdoptionLine + 1 : 0; line < kLinesPerSide; ++line) {
    // A dead receiver's note says which messages it took: it stays until they are adopted.
    // SYNC: partner store_index_before in adopt_abandoned(): relaxed would do under the table's lock.
    const bool needed =
        side == kReceivers && noted_count(HostAtomics<u64>::load_index_after(&lines(side)[line].word)) != 0;
    if (!needed && enter_line(side, line)) return line;
  }
  return kNobody;
}

bool Members::enter_line(Side side, u32 line) {
  {
    const std::lock_guard lock(changing_);
    if (own_[side].held[line] || !locks_->take(lock_of(side, line))) return false;
    own_[side].held[line] = true;
  }
  NoteLine& entered = lines(side)[line];
  // Relaxed: read by people, who allow for a mixture.
  atomic::store_relaxed(&entered.process, u32(getpid()));
  atomic::store_relaxed(&entered.since_us, u64(unix_us()));
  // What an adopter left is looked at by the next one.
  if (side == kSenders || line != kAdoptionLine) clear_note<HostAtomics<u64>>(&entered.word);
  return true;
}

void Members::leave(Side side, u32 line) {
  const std::lock_guard lock(changing_);
  if (side == kReceivers && line == kAdoptionLine) {
    own_[side].held[line] = false;
    locks_->drop(lock_of(side, line));
    return;
  }
  own_[side].free.push_back(line);
}

bool Members::lives(Side side, u32 line) {
  {
    const std::lock_guard lock(changing_);
    if (own_[side].held[line]) return true;
  }
  return locks_->held(lock_of(side, line));
}

bool Members::lock_table() {
  constexpr int kAttempts = 20;
  table_.lock();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (locks_->take(kTableLock)) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  table_.unlock();
  return false;
}

void Members::unlock_table() {
  locks_->drop(kTableLock);
  table_.unlock();
}

}  // namespace ringway
