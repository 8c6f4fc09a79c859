// A shared queue's memory with the locks that hold it: made, attached after checks, looked at, and removed.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/life_locks.h"
#include "core/named_queue.h"
#include "core/queue_table.h"
#include "core/shared_layout.h"
#include "core/shared_memory.h"

namespace ringway {

// Held: the presence lock is shared, so that nobody removes it. What describes it are private copies, checked.
struct SharedParts {
  SharedMemory memory;
  std::unique_ptr<LifeLocks> locks;
  Queue queue;
  QueueType type;

  SharedBlock* block() const { return reinterpret_cast<SharedBlock*>(memory.data()); }
};

SharedParts make_shared_parts(const NamedQueueOptions& options, bool reclaim, u32 mode = kOwnerOnly);
SharedParts attach_shared_parts(const std::string& name, u32 mode = kOwnerOnly);

struct SharedQueueInfo {
  enum class State { kLive, kStale, kUnfinished, kDamaged };
  std::string name;
  State state;
  std::string fault;          // why it is kDamaged
  u32 capacity, max_message;  // the rest: 0 when unfinished or damaged
  QueueType type;
  Backpressure policy;
  bool ended;  // nobody sends any more
  u32 mode;    // permissions
  u64 depth, skipped, redelivered, created_us;
  std::vector<u32> senders, receivers;  // processes that live, as they say themselves; each once
};

// Of this user. A stale queue is one that no process holds; an unfinished one lost its creator while it was made.
std::vector<SharedQueueInfo> list_shared_queues();
SharedQueueInfo inspect_shared_queue(const std::string& name);
// Removes a queue that no process holds, with what is in it; a damaged one too. Throws kNotFound, and kInvalidState when
// a process holds it.
void remove_shared_queue(const std::string& name);

}  // namespace ringway
