// Writes down what enters and leaves a runtime's queues. One per runtime, for its whole life; while it is off, a hook is
// one relaxed load: `if (recorder.on()) recorder.entered(...)`.
//
// Who calls a hook copies the record into a bounded buffer under a mutex; a thread of the recorder's own writes the buffer
// to the file, chunk by chunk, at least ten times a second. Hooks lie between the claim of a slot and its publication, so
// that no answer is recorded before its question; the tickets say in which order a queue hands out what several threads
// put in at once. A full buffer makes its callers wait, or with `block` = false leaves records out and counts them.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/dead_letters.h"
#include "core/record/format.h"
#include "core/wait.h"

namespace ringway {

struct RecordOptions {
  std::string path;
  bool block = true;               // when the buffer is full; else records are left out and counted
  bool overwrite = false;          // a file that is there already
  std::int64_t buffer = 16 << 20;  // bytes
};

struct RecordReport {
  u64 records = 0;
  u64 bytes = 0;      // of the file
  u64 lost = 0;       // records left out
  std::string error;  // why writing ended early; empty: it did not
};

class Recorder {
 public:
  Recorder();
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Relaxed: a hook that comes a moment late or early belongs before or after the recording.
  bool on() const { return atomic::load_relaxed(&on_) != 0; }
  bool open() const { return atomic::load_relaxed(&open_) != 0; }
  // Creates the file. Records may be put from here on; hooks see on() after begin(). Throws kInvalidState when one is
  // under way, kInvalidOption, and kRecording when the file cannot be made.
  void start(const RecordOptions& options);
  void begin();
  void pause() { atomic::store_relaxed(&on_, 0U); }
  // Writes what is left and closes the file. The report of the last recording when none is under way.
  RecordReport stop();
  RecordReport report();

  void put(RecordKind kind, u32 subject, u64 ticket, u32 detail, std::initializer_list<Part> data) noexcept;
  void put(RecordKind kind, u32 subject, u32 detail, const RecordFields& fields);

  void entered(u32 kernel, u64 ticket, const Envelope& envelope, std::span<const u8> body) noexcept;
  void answered(const Envelope& request, const Envelope& answer, const u8* body, u32 bytes) noexcept;
  void sent(u32 kernel, u64 ticket, const Envelope& envelope, const u8* body, u32 bytes) noexcept;
  void letter(u32 kernel, LetterReason reason, const Envelope* envelope, std::span<const u8> body,
              std::string_view text) noexcept;

 private:
  enum : u32 { kChunkBytes = 256 << 10 };
  bool has_work() const;

  bool try_put(const RecordHead& head, std::initializer_list<Part> data, std::size_t bytes,
               bool* done) noexcept;
  void add(RecordHead head, std::initializer_list<Part> data);
  void write();
  bool write_chunk(const std::vector<u8>& records, u32 count);
  bool write_all(const void* data, std::size_t bytes);

  const u32 process_;
  u32 on_ = 0;
  u32 open_ = 0;
  std::mutex changing_;  // start and stop

  std::mutex busy_;  // holds all below
  std::vector<u8> filling_;
  u32 filled_ = 0;           // records in it
  std::size_t pending_ = 0;  // bytes not yet written, in either buffer
  u64 lost_now_ = 0;         // since the last record that was kept
  bool stopping_ = false;
  bool urgent_ = false;  // somebody waits for room
  RecordReport report_;
  std::int64_t started_ns_ = 0;
  RecordOptions options_;
  Signal work_, room_;

  // The writer's, and of who starts and stops it.
  int file_ = -1;
  u32 chunk_ = 0;
  std::unique_ptr<std::thread> writer_;
};

}  // namespace ringway
