#include "core/shared_parts.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/wait.h"

namespace ringway {
namespace {

enum Ready : u32 { kUnfinished, kReady, kRetired };

constexpr int kAttempts = 400;  // of half a millisecond each: a creator needs no longer
void pause() {
  std::this_thread::sleep_for(std::chrono::microseconds(500));
}

std::string text(u64 number) {
  return std::to_string(number);
}

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error(ErrorKind::kLayout, "cannot attach shared queue '" + name + "': " + why);
}

u32 read(const u32& word) {
  return atomic::load_relaxed(&word);  // relaxed: `ready` ordered it
}

u32 ready_of(const SharedMemory& memory) {
  if (memory.bytes() < sizeof(SharedBlock)) return kUnfinished;
  // SYNC: partner store_release in make_shared_parts() and remove_shared_queue(): the header is written before.
  return atomic::load_acquire(&reinterpret_cast<SharedBlock*>(memory.data())->header.ready);
}

// Its creator has not come to the end. Other marks are no creator's.
bool is_unfinished(const SharedMemory& memory) {
  if (ready_of(memory) != kUnfinished) return false;
  if (memory.bytes() < sizeof(u32)) return memory.bytes() == 0;
  const u32 mark = read(reinterpret_cast<SharedHeader*>(memory.data())->magic);
  return mark == 0 || mark == kSharedMagic;
}

// Reads each field once.
QueueType check_header(const std::string& name, const SharedMemory& memory, Backpressure* policy) {
  if (memory.bytes() < sizeof(SharedBlock)) {
    refuse(name,
           "its " + text(memory.bytes()) + " bytes do not hold a header of " + text(sizeof(SharedBlock)));
  }
  const SharedHeader& header = reinterpret_cast<SharedBlock*>(memory.data())->header;
  if (read(header.magic) != kSharedMagic) {
    refuse(name, "it does not begin with ringway's mark; another program made it");
  }
  if (const u32 layout = read(header.layout); layout != kSharedLayout) {
    refuse(name, "its layout version is " + text(layout) + ", this library's is " + text(kSharedLayout) +
                     "; use the same version of ringway in all processes");
  }
  if (const u32 lines = read(header.lines); lines != kLinesPerSide) {
    refuse(name, "it has lines for " + text(lines) + " claims, not " + text(kLinesPerSide));
  }
  if (const u32 at = read(header.slots_at); at != sizeof(SharedBlock)) {
    refuse(name, "its slots begin at " + text(at) + ", not " + text(sizeof(SharedBlock)));
  }
  const u32 kind = read(header.policy), content = read(header.content);
  if (kind > u32(Backpressure::kDropOldest)) refuse(name, "its policy has the number " + text(kind));
  if (content > u32(Content::kRecord)) refuse(name, "its content has the number " + text(content));
  *policy = static_cast<Backpressure>(kind);
  QueueType type;
  type.content = static_cast<Content>(content);
  type.type_id = read(header.type_id);
  type.fixed_size = read(header.fixed_size);
  const bool fixed = type.content == Content::kRecord, varied = content < u32(Content::kMessage);
  if ((fixed && !type.fixed_size) || (varied && type.fixed_size)) {
    refuse(name, "its messages have " + text(type.fixed_size) + " bytes each, which its content, number " +
                     text(content) + ", has not");
  }
  char letters[kTypeNameBytes];
  std::memcpy(letters, header.type_name, sizeof(letters));
  letters[sizeof(letters) - 1] = 0;
  type.name = letters;
  return type;
}

SharedParts check_parts(SharedMemory memory, std::unique_ptr<LifeLocks> locks) {
  Backpressure policy{};
  const std::string name = memory.name();
  QueueType type = check_header(name, memory, &policy);
  constexpr std::size_t kQueueAt = offsetof(SharedBlock, queue);
  Queue queue(memory.data() + kQueueAt, memory.bytes() - kQueueAt, name, policy);
  const u32 envelope = type.content == Content::kAny ? u32(sizeof(Envelope)) : 0;
  if (queue.max_message() < envelope || type.fixed_size > queue.max_message()) {
    refuse(name,
           "its messages of " + text(std::max(envelope, type.fixed_size)) + " bytes do not fit its slots");
  }
  return {std::move(memory), std::move(locks), std::move(queue), std::move(type)};
}

void write_header(SharedHeader* header, const NamedQueueOptions& options, u64 bytes) {
  header->layout = kSharedLayout;
  header->lines = kLinesPerSide;
  header->slots_at = sizeof(SharedBlock);
  header->bytes = bytes;
  header->policy = u32(options.policy);
  header->content = u32(options.type.content);
  header->type_id = options.type.type_id;
  header->fixed_size = options.type.fixed_size;
  header->creator = u32(getpid());
  header->created_us = unix_us();
  std::memcpy(header->type_name, options.type.name.data(), options.type.name.size());
  header->magic = kSharedMagic;
}

// Processes that have a line, once each.
std::vector<u32> living(const SharedBlock& block, LifeLocks& locks, u32 side) {
  std::vector<u32> all;
  for (u32 line = 0; line < kLinesPerSide; ++line) {
    const u32 process = read(block.notes[side][line].process);
    if (process && locks.held(kFirstLineLock + side * kLinesPerSide + line)) all.push_back(process);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

SharedParts make_shared_parts(const NamedQueueOptions& options, bool reclaim, u32 mode) {
  SharedMemory::check_name(options.name);
  const QueueOptions slots = slots_for(options);
  if (options.type.name.size() >= kTypeNameBytes) {
    throw Error(ErrorKind::kInvalidOption, "shared queue '" + options.name + "': the name of its messages, " +
                                               options.type.name + ", has more than " +
                                               text(kTypeNameBytes - 1) + " bytes");
  }
  const u32 stride = slot_stride_for(slots.max_message, slots.variable);
  const u64 bytes = sizeof(SharedBlock) + u64(slots.capacity) * stride;
  if (reclaim) {
    try {
      remove_shared_queue(options.name);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kNotFound) throw;
    }
  }
  SharedMemory memory = SharedMemory::create(options.name, bytes, mode);
  auto locks = std::make_unique<LifeLocks>(memory.take_descriptor(), options.name);
  locks->share(kPresenceLock);
  auto* block = reinterpret_cast<SharedBlock*>(memory.data());
  write_header(&block->header, options, bytes);
  ringway::create<QueueAtomics>(&block->queue, memory.data() + sizeof(SharedBlock), slots.capacity, stride,
                                0);
  // SYNC: partner ready_of(): who sees this sees the header.
  atomic::store_release(&block->header.ready, u32(kReady));
  return check_parts(std::move(memory), std::move(locks));
}

SharedParts attach_shared_parts(const std::string& name, u32 mode) {
  for (int attempt = 0;; ++attempt) {
    SharedMemory memory = SharedMemory::open(name, mode);
    auto locks = std::make_unique<LifeLocks>(memory.take_descriptor(), name);
    // Who removes it holds the lock for a moment, and leaves it retired; who makes it has not come to the end.
    const bool shared = locks->share(kPresenceLock);
    if (shared && ready_of(memory) != kRetired && !is_unfinished(memory)) {
      return check_parts(std::move(memory), std::move(locks));
    }
    if (attempt == kAttempts) {
      refuse(name, "its creator did not finish it; remove it with `ringway queues clean " + name + "`");
    }
    pause();
  }
}

SharedQueueInfo inspect_shared_queue(const std::string& name) {
  SharedQueueInfo info{};
  info.name = name;
  SharedMemory memory = SharedMemory::open(name, kEverybody);
  info.mode = memory.mode();
  auto locks = std::make_unique<LifeLocks>(memory.take_descriptor(), name);
  const bool held = locks->held(kPresenceLock);
  if (is_unfinished(memory)) {
    info.state = held ? SharedQueueInfo::State::kLive : SharedQueueInfo::State::kUnfinished;
    return info;
  }
  try {
    const SharedParts parts = check_parts(std::move(memory), std::move(locks));
    const SharedBlock& block = *parts.block();
    info.state = held ? SharedQueueInfo::State::kLive : SharedQueueInfo::State::kStale;
    info.capacity = parts.queue.ring().capacity;
    info.max_message = parts.queue.max_message();
    info.type = parts.type;
    info.policy = parts.queue.options().policy;
    info.depth = std::min<u64>(parts.queue.counts().depth, info.capacity);
    // Relaxed: each is right by itself.
    info.skipped = atomic::load_relaxed(&block.header.skipped);
    info.redelivered = atomic::load_relaxed(&block.header.redelivered);
    info.ended = atomic::load_relaxed(&block.header.ended) != 0;
    info.created_us = atomic::load_relaxed(&block.header.created_us);
    info.senders = living(block, *parts.locks, 0);
    info.receivers = living(block, *parts.locks, 1);
  } catch (const Error& error) {
    info.state = SharedQueueInfo::State::kDamaged;
    info.fault = error.what();
  }
  return info;
}

std::vector<SharedQueueInfo> list_shared_queues() {
  std::vector<SharedQueueInfo> all;
  for (const std::string& name : SharedMemory::names()) {
    try {
      all.push_back(inspect_shared_queue(name));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kNotFound) continue;  // removed meanwhile
      SharedQueueInfo info{};
      info.name = name;
      info.state = SharedQueueInfo::State::kDamaged;
      info.fault = error.what();
      all.push_back(std::move(info));
    }
  }
  return all;
}

void remove_shared_queue(const std::string& name) {
  SharedMemory memory = SharedMemory::open(name, kEverybody);
  if (!memory.of_this_user()) {
    throw Error(ErrorKind::kInvalidState,
                "shared queue '" + name + "' is another user's, who alone may remove it");
  }
  LifeLocks locks(memory.take_descriptor(), name);
  if (!locks.take(kPresenceLock)) {
    throw Error(ErrorKind::kInvalidState,
                "shared queue '" + name + "' is in use, by at least one process; end it first");
  }
  // A creator of this moment has the memory and not yet the lock: it is given time.
  for (int attempt = 0; attempt < kAttempts && is_unfinished(memory); ++attempt) {
    locks.drop(kPresenceLock);
    pause();
    if (!locks.take(kPresenceLock)) {
      throw Error(ErrorKind::kInvalidState, "shared queue '" + name + "' is being created");
    }
    if (memory.bytes() < sizeof(SharedBlock)) {
      // Its size may have changed: look at it anew.
      SharedMemory again = SharedMemory::open(name, kEverybody);
      if (again.bytes() != memory.bytes()) {
        throw Error(ErrorKind::kInvalidState, "shared queue '" + name + "' is being created");
      }
    }
  }
  if (ready_of(memory) == kReady) {
    // SYNC: partner ready_of() in attach_shared_parts(): who got the lock after this attaches to the next of the name.
    atomic::store_release(&reinterpret_cast<SharedBlock*>(memory.data())->header.ready, u32(kRetired));
  }
  SharedMemory::unlink(name);
}

}  // namespace ringway
