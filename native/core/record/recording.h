// A recording as it was read: its records, checked, in the order in which they were written.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/record/format.h"

namespace ringway {

struct Record {
  RecordHead head;
  std::span<const u8> data;

  RecordKind kind() const { return static_cast<RecordKind>(head.kind); }
  bool has_envelope() const;
  Envelope envelope() const;  // of those that have one
  // What follows the envelope; of a letter, what follows its text; else all.
  std::span<const u8> body() const;
  std::string text() const;  // of a letter
};

class Recording {
 public:
  static constexpr u32 kAllChunks = ~0U;

  // Throws kRecording, naming the file, and for a damaged chunk its number. A file that ends within a chunk, as a dead
  // process leaves it, is read up to that chunk. `chunks`: no more than so many.
  explicit Recording(const std::string& path, u32 chunks = kAllChunks);

  std::size_t size() const { return at_.size(); }
  Record operator[](std::size_t i) const;
  const std::string& path() const { return path_; }
  u64 started_us() const { return head_.started_us; }
  u32 chunks() const { return chunks_; }
  // Whether it was stopped; else it ends where its process, or the reader's limit, ended it.
  bool complete() const { return complete_; }

 private:
  void read_chunk(std::size_t at, const ChunkHead& head);
  [[noreturn]] void damaged(const std::string& what) const;
  void check(const Record& record) const;

  const std::string path_;
  RecordingHead head_{};
  std::vector<u8> bytes_;
  std::vector<u64> at_;  // where each record begins
  u32 chunks_ = 0;
  bool complete_ = false;
};

}  // namespace ringway
