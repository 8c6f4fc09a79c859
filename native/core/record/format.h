// The file of a recording: a head, then chunks, each with a checksum; a chunk holds whole records. Nothing that was
// written is changed later, so that what a dead process leaves is a readable prefix. Numbers are little-endian.
// docs/replay.md describes it for readers in other languages.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringway/layout.h"

namespace ringway {

enum : u32 { kRecordingVersion = 1, kChunkMagic = 0x4b435752u };  // "RWCK"
inline constexpr char kRecordingMagic[8] = {'R', 'W', 'R', 'E', 'C', 'O', 'R', 'D'};

struct RecordingHead {
  char magic[8];
  u32 version;
  u32 head_bytes;  // where the first chunk begins
  u64 started_us;  // since the Unix epoch
  u64 reserved;
};
static_assert(sizeof(RecordingHead) == 32, "recording head");

struct ChunkHead {
  u32 magic;
  u32 number;  // from 0
  u32 bytes;   // of the records that follow
  u32 records;
  u32 crc;       // CRC-32 of these bytes
  u32 head_crc;  // CRC-32 of the five words before
};
static_assert(sizeof(ChunkHead) == 24, "chunk head");

// What a record says; `subject` is a kernel's endpoint or a queue's number, `data` what follows the head.
enum class RecordKind : u8 {
  kRuntime = 1,  // data: fields
  kLaunch,       // data: fields; detail: 1 when the kernel was there before the recording
  kLink,         // data: fields; subject: the source
  kState,        // detail: State; data: the reason of a failure
  kQueueOpen,    // data: fields; detail as for kLaunch
  kQueueClose,
  kEntered,   // into a mailbox; ticket: of its lane; data: envelope, body
  kAnswer,    // to a request; ticket: the request's sender (high half) and sequence; data: envelope, body
  kSent,      // to the host, by the kernel; ticket: of its outbox; data: envelope, body
  kLetter,    // detail: LetterReason, + kBareLetter; data: envelope, u32 bytes of text, text, body
  kQueueIn,   // ticket: of the queue; data: what the slot holds
  kQueueOut,  // likewise
  kQueueDrop,
  kLost,      // ticket: records that were not kept before this one
  kBuffers,   // ticket: buffers that messages may name by handle
  kIdle,      // the kernel had handled everything that entered before
  kEnd,       // the recording was stopped; data: none
  kReplaced,  // ticket: how many times, with this one; data: name of the kernel that took this one's place
};
enum : u32 { kBareLetter = 128 };

struct RecordHead {
  u32 bytes;  // of data; the next record begins at the next multiple of 8
  u8 kind;
  u8 detail;
  u8 reserved[2];
  u32 subject;
  u32 reserved2;
  u64 time_ns;  // since the recording began
  u64 ticket;
};
static_assert(sizeof(RecordHead) == 32, "record head");

inline std::size_t padded(std::size_t bytes) {
  return (bytes + 7) / 8 * 8;
}

// Names and values as text, each with its length before it.
using RecordFields = std::map<std::string, std::string>;
std::vector<u8> encode_fields(const RecordFields& fields);
// Throws kRecording when the bytes are no fields.
RecordFields decode_fields(std::span<const u8> bytes);

std::string number_text(double number);  // read back as the same number
// Throw kRecording, naming the field, when it is absent or no such number.
const std::string& field_of(const RecordFields& fields, const char* name);
std::int64_t whole_of(const RecordFields& fields, const char* name);
double real_of(const RecordFields& fields, const char* name);

}  // namespace ringway
