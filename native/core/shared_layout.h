// What a shared queue's memory holds: this header, the notes of both sides, then a queue as in ringway/layout.h. Offsets
// only. Any word may be changed by a peer at any time: read it once, check what was read, use that.
#pragma once
#include "ringway/atomics_host.h"

namespace ringway {

enum : u32 {
  kSharedMagic = 0x53575251U,  // not a plain queue's
  kSharedLayout = 2,
  kLinesPerSide = 64,
  kTypeNameBytes = 1024,
};

struct SharedHeader {
  // Constant after creation.
  u32 magic;
  u32 layout;
  u32 lines;       // per side
  u32 slots_at;    // bytes from here to the queue's header
  u64 bytes;       // all
  u32 policy;      // Backpressure
  u32 content;     // Content
  u32 type_id;     // of the message class
  u32 fixed_size;  // of each message in bytes; 0: it varies
  u32 creator;     // process id, for people
  u32 ready;       // 1 when all of this is written, 2 when the queue is being removed
  u64 created_us;  // since the Unix epoch
  u32 ended;       // 1: the stream has ended, for every process
  alignas(kIndexLine) char type_name[kTypeNameBytes];  // of the message class or record; ends with a zero

  alignas(kIndexLine) u32 messages;  // announced after a publication (core/shared_wait.h)
  alignas(kIndexLine) u32 room;      // announced after a release

  alignas(kIndexLine) u64 skipped;  // tickets of dead producers: messages lost before they were sent
  u64 redelivered;                  // messages of dead consumers, given to another
  u64 given_up;                     // slots that a living producer reserved and gave up
  u64 skips_passed;                 // slots of both kinds that consumers have passed
  u64 last_message_us;              // when a message was last sent, since the Unix epoch; for people
};

// A claimer's note (core/noted_claim.h) and whose it is. Its process lives as long as the line's lock is held.
struct alignas(kIndexLine) NoteLine {
  u64 word;
  u64 since_us;  // of the process's entry, since the Unix epoch
  u32 process;   // process id, for people
};

struct SharedBlock {
  SharedHeader header;
  NoteLine notes[2][kLinesPerSide];  // of senders, of receivers
  QueueHeader<HostAtomics<u64>> queue;
};
static_assert(sizeof(NoteLine) == kIndexLine, "a line of its own");
static_assert(sizeof(SharedHeader) == 12 * kIndexLine, "header");
static_assert(sizeof(SharedBlock) % kIndexLine == 0 &&
                  __builtin_offsetof(SharedBlock, notes) % kIndexLine == 0 &&
                  __builtin_offsetof(SharedBlock, queue) % kIndexLine == 0,
              "lines");

// Numbers of the locks (core/life_locks.h).
enum : u32 {
  kPresenceLock = 0,  // shared by all who are attached; taken to remove the queue
  kTableLock = 1,     // taken to enter the table of notes, and to adopt a dead consumer's messages
  kFirstLineLock = 2  // then one for each line, senders first
};

}  // namespace ringway
