// A named queue in shared memory, between processes. Everything of a NamedQueue holds for it, with the claims noted
// (core/noted_claim.h), so that a process that dies anywhere loses nothing but messages that it had not published.
//
// Its memory is a SharedBlock and slots (core/shared_layout.h). A process holds it by a shared lock: a queue that nobody
// holds is stale. What a peer may have written is read once, checked, and used from private copies; of the memory only
// the slots that the private capacity and stride give are ever touched, whatever a peer writes where.
//
// close() ends this process's part only, end() the stream for all; the name, and what the queue holds, stay until remove()
// or clean(). A sender whose claim comes after the end gives it up: who sees the end and no claim sees all there was.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/members.h"
#include "core/named_queue.h"
#include "core/queue_table.h"
#include "core/shared_parts.h"
#include "core/shared_watch.h"

namespace ringway {

class SharedQueue : public NamedQueue {
 public:
  // A new one, by the options of a named queue; the name is one that SharedMemory takes. Throws kInvalidState when there
  // is one; with `reclaim` a stale one is removed first, with what it holds.
  // `mode`: see SharedMemory.
  static std::shared_ptr<SharedQueue> create(const NamedQueueOptions& options, bool reclaim = false,
                                             u32 mode = kOwnerOnly);
  // Throws kNotFound; kLayout, naming the field, when the memory is no shared queue of this layout.
  static std::shared_ptr<SharedQueue> attach(const std::string& name, double block_timeout = 5,
                                             u32 mode = kOwnerOnly, u32 dead_letters = 256);
  ~SharedQueue() override;

  u32 mode() const { return memory_.mode(); }  // its permissions
  NamedCounts counts() const override;
  std::string held_up() const override;
  bool is_shared() const override { return true; }
  bool has(u32 n) override;
  bool shut() const override;
  void publish(SlotClaim claim, const u32* sizes, u32 sent) override;
  void release(SlotClaim claim) override;
  bool wait(Side side, const Wait& until, const Attempt& ready) override;
  void watch(Side side, Completion* node) override;
  void close(bool discard) override;
  void end() override;

 protected:
  SlotClaim claim(Side side, u32 n, bool one_run, u32* room) override;
  void settled(Side side, SlotClaim claim) override;
  bool drop_one() override;
  bool ended() const override;

 private:
  SharedQueue(SharedParts parts, double block_timeout, u32 dead_letters);

  void check_open(SlotClaim claim);
  void wake_all();

  SlotClaim claim_messages(u32 line, u32 n, bool one_run, u32* room);
  SlotClaim recover(u32* line, u32 n, bool one_run, u32* room);
  SlotClaim adopt(u32* line, u32* owner);
  bool some_receiver_died() const;
  bool time_to_recover();
  bool is_skipped(u64 ticket) const;
  void pass_skipped(u32 line, u64 ticket);

  struct Open {
    u64 first;
    u32 line;
  };
  SharedMemory memory_;
  std::unique_ptr<LifeLocks> locks_;
  SharedBlock* const block_;
  mutable Members members_;
  std::mutex opening_;
  std::vector<Open> open_[2];
  std::unique_ptr<SharedWatch> watches_[2];  // where an event loop waits, or has waited
  std::int64_t last_recovery_ = 0;           // of now_ns()
  u32 waits_for_ = 0;  // the process that holds the next message, as it says itself; 0: none
};

}  // namespace ringway
