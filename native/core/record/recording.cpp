#include "core/record/recording.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "core/dead_letters.h"
#include "core/error.h"
#include "core/graph/crc32.h"
#include "core/lifecycle.h"

namespace ringway {
namespace {

std::vector<u8> bytes_of_file(const std::string& path) {
  std::error_code error;
  const bool is_file = std::filesystem::is_regular_file(path, error);
  const auto size = is_file ? std::filesystem::file_size(path, error) : 0;
  std::vector<u8> bytes;
  if (is_file && !error) {
    bytes.resize(std::size_t(size));
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(size));
    if (file && std::size_t(file.gcount()) == bytes.size()) return bytes;
  }
  throw Error(ErrorKind::kRecording, "cannot read the recording '" + path + "': " +
                                         (error ? error.message() : "it is no file that can be read"));
}

u32 crc_of(const void* data, std::size_t bytes) {
  return crc32({static_cast<const char*>(data), bytes});
}

}  // namespace

bool Record::has_envelope() const {
  switch (kind()) {
    case RecordKind::kEntered:
    case RecordKind::kAnswer:
    case RecordKind::kSent:
    case RecordKind::kLetter: return true;
    default: return false;
  }
}

Envelope Record::envelope() const {
  Envelope envelope{};
  std::memcpy(&envelope, data.data(), sizeof(envelope));
  return envelope;
}

std::span<const u8> Record::body() const {
  if (!has_envelope()) return data;
  const auto rest = data.subspan(sizeof(Envelope));
  if (kind() != RecordKind::kLetter) return rest;
  u32 text = 0;
  std::memcpy(&text, rest.data(), sizeof(text));
  return rest.subspan(sizeof(text) + text);
}

std::string Record::text() const {
  u32 bytes = 0;
  std::memcpy(&bytes, data.data() + sizeof(Envelope), sizeof(bytes));
  const auto text = data.subspan(sizeof(Envelope) + sizeof(bytes), bytes);
  return {text.begin(), text.end()};
}

Recording::Recording(const std::string& path, u32 chunks) : path_(path), bytes_(bytes_of_file(path)) {
  const std::string refused = "'" + path + "' is no recording that can be read: ";
  if (bytes_.size() < sizeof(head_)) throw Error(ErrorKind::kRecording, refused + "it is too short");
  std::memcpy(&head_, bytes_.data(), sizeof(head_));
  if (std::memcmp(head_.magic, kRecordingMagic, sizeof(head_.magic)) != 0) {
    throw Error(ErrorKind::kRecording, refused + "it does not begin as one; Runtime.record makes them");
  }
  if (head_.version != kRecordingVersion || head_.head_bytes != sizeof(head_)) {
    throw Error(ErrorKind::kRecording, refused + "its version is " + std::to_string(head_.version) +
                                           ", this library reads " + std::to_string(kRecordingVersion));
  }
  std::size_t at = sizeof(head_);
  while (bytes_.size() - at >= sizeof(ChunkHead) && chunks_ < chunks) {
    ChunkHead head;
    std::memcpy(&head, bytes_.data() + at, sizeof(head));
    if (head.magic != kChunkMagic || head.head_crc != crc_of(&head, offsetof(ChunkHead, head_crc))) {
      damaged("its head is not as it was written");
    }
    if (head.number != chunks_) damaged("it says that it is number " + std::to_string(head.number));
    at += sizeof(head);
    if (head.bytes > bytes_.size() - at) return;  // the writer died
    if (head.crc != crc_of(bytes_.data() + at, head.bytes)) damaged("its checksum does not fit its bytes");
    read_chunk(at, head);
    at += head.bytes;
    ++chunks_;
  }
  complete_ = !at_.empty() && (*this)[size() - 1].kind() == RecordKind::kEnd;
}

void Recording::read_chunk(std::size_t at, const ChunkHead& head) {
  const std::size_t end = at + head.bytes;
  for (u32 i = 0; i < head.records; ++i) {
    RecordHead record;
    if (end - at < sizeof(record)) damaged("it holds fewer records than it says");
    std::memcpy(&record, bytes_.data() + at, sizeof(record));
    const std::size_t needed = sizeof(record) + padded(record.bytes);
    if (end - at < needed) damaged("a record is longer than the chunk");
    at_.push_back(at);
    check((*this)[size() - 1]);
    at += needed;
  }
  if (at != end) damaged("it holds more than its records");
}

void Recording::check(const Record& record) const {
  const auto kind = record.head.kind;
  if (kind < u8(RecordKind::kRuntime) || kind > u8(RecordKind::kReplaced)) {
    damaged("it holds a record of the unknown kind " + std::to_string(kind));
  }
  if (record.kind() == RecordKind::kState && record.head.detail > u8(State::kFailed))
    damaged("a state is none");
  if (!record.has_envelope()) return;
  std::size_t least = sizeof(Envelope);
  if (record.kind() == RecordKind::kLetter) {
    least += sizeof(u32);
    u32 text = 0;
    if (record.data.size() >= least) std::memcpy(&text, record.data.data() + sizeof(Envelope), sizeof(text));
    least += text;
    if ((record.head.detail & ~u32(kBareLetter)) > u32(LetterReason::kRefused)) damaged("a reason is none");
  }
  if (record.data.size() < least) damaged("a message is shorter than its envelope");
}

void Recording::damaged(const std::string& what) const {
  throw Error(ErrorKind::kRecording, "chunk " + std::to_string(chunks_) + " of the recording '" + path_ +
                                         "' is damaged: " + what + "; the " + std::to_string(chunks_) +
                                         " chunks before it can be replayed alone (chunks=" +
                                         std::to_string(chunks_) + ", --chunks)");
}

Record Recording::operator[](std::size_t i) const {
  Record record{};
  const u8* from = bytes_.data() + at_[i];
  std::memcpy(&record.head, from, sizeof(record.head));
  record.data = {from + sizeof(record.head), record.head.bytes};
  return record;
}

}  // namespace ringway
