#include "core/record/recorder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "core/error.h"
#include "core/graph/crc32.h"
#include "core/process.h"

namespace ringway {
namespace {

constexpr double kFlushSeconds = 0.1;
constexpr std::int64_t kLeastBuffer = 64 << 10;
constexpr std::int64_t kMostBuffer = 1 << 30;

std::size_t size_of(std::initializer_list<Part> data) {
  std::size_t bytes = 0;
  for (const Part& part : data) bytes += part.bytes;
  return bytes;
}

std::string_view view(const void* data, std::size_t bytes) {
  return {static_cast<const char*>(data), bytes};
}

}  // namespace

Recorder::Recorder() : process_(process_number()) {}

Recorder::~Recorder() {
  if (process_ != process_number()) {
    (void)writer_.release();  // the thread is not in this process
  } else {
    stop();
  }
}

void Recorder::start(const RecordOptions& options) {
  std::lock_guard lock(changing_);
  if (writer_) {
    throw Error(ErrorKind::kInvalidState, "the runtime is being recorded already, to '" + options_.path +
                                              "'; stop that recording first");
  }
  if (options.buffer < kLeastBuffer || options.buffer > kMostBuffer) {
    throw Error(ErrorKind::kInvalidOption,
                "buffer is " + std::to_string(options.buffer) + "; it must be 65536 to 1073741824 bytes");
  }
  const int how = O_WRONLY | O_CREAT | O_CLOEXEC | (options.overwrite ? O_TRUNC : O_EXCL);
  file_ = ::open(options.path.c_str(), how, 0644);
  if (file_ < 0) {
    const std::string hint = errno == EEXIST ? "; choose another path, or pass overwrite=True" : "";
    throw Error(ErrorKind::kRecording,
                "cannot create the recording '" + options.path + "': " + std::strerror(errno) + hint);
  }
  RecordingHead head{};
  std::memcpy(head.magic, kRecordingMagic, sizeof(head.magic));
  head.version = kRecordingVersion;
  head.head_bytes = sizeof(head);
  head.started_us = unix_us();
  report_ = {};
  report_.bytes = sizeof(head);
  if (!write_all(&head, sizeof(head))) {
    ::close(std::exchange(file_, -1));
    throw Error(ErrorKind::kRecording, "cannot write the recording '" + options.path + "': " + report_.error);
  }
  {
    std::lock_guard held(busy_);
    options_ = options;
    filling_.clear();
    filling_.reserve(std::size_t(options.buffer));
    filled_ = 0;
    pending_ = 0;
    lost_now_ = 0;
    stopping_ = false;
    started_ns_ = now_ns();
    chunk_ = 0;
    atomic::store_relaxed(&open_, 1U);
  }
  writer_ = std::make_unique<std::thread>([this] { write(); });
}

void Recorder::begin() {
  atomic::store_relaxed(&on_, 1U);
}

RecordReport Recorder::stop() {
  std::lock_guard lock(changing_);
  atomic::store_relaxed(&on_, 0U);
  if (writer_) {
    if (open()) put(RecordKind::kEnd, 0, 0, 0, {});
    {
      std::lock_guard held(busy_);
      stopping_ = true;
      atomic::store_relaxed(&open_, 0U);
    }
    work_.notify();
    room_.notify();
    writer_->join();
    writer_.reset();
    if (::close(std::exchange(file_, -1)) != 0 && report_.error.empty()) report_.error = std::strerror(errno);
  }
  return report();
}

RecordReport Recorder::report() {
  std::lock_guard held(busy_);
  return report_;
}

void Recorder::add(RecordHead head, std::initializer_list<Part> data) {
  const std::size_t bytes = size_of(data);
  const std::size_t at = filling_.size();
  const std::size_t needed = sizeof(head) + padded(bytes);
  head.bytes = u32(bytes);
  head.time_ns = u64(now_ns() - started_ns_);
  filling_.resize(at + needed);  // the padding is zeros
  u8* to = filling_.data() + at;
  std::memcpy(to, &head, sizeof(head));
  to += sizeof(head);
  for (const Part& part : data) {
    if (part.bytes) std::memcpy(to, part.data, part.bytes);
    to += part.bytes;
  }
  pending_ += needed;
  ++filled_;
  ++report_.records;
}

// One attempt; false when there is no room yet. `done`: whether the writer has enough to do.
bool Recorder::try_put(const RecordHead& head, std::initializer_list<Part> data, std::size_t bytes,
                       bool* done) noexcept {
  std::lock_guard lock(busy_);
  if (!open()) {
    if (!report_.error.empty()) ++report_.lost;
    return true;
  }
  const bool fits = !pending_ || pending_ + bytes + 2 * sizeof(head) <= std::size_t(options_.buffer);
  if (!fits && options_.block) {
    urgent_ = true;
    return false;
  }
  try {
    if (!fits) throw std::bad_alloc();
    if (lost_now_) {
      RecordHead gap{};
      gap.kind = u8(RecordKind::kLost);
      gap.ticket = lost_now_;
      add(gap, {});
      lost_now_ = 0;
    }
    add(head, data);
  } catch (const std::bad_alloc&) {
    ++lost_now_;
    ++report_.lost;
  }
  *done = has_work();
  return true;
}

bool Recorder::has_work() const {
  return stopping_ || urgent_ || filling_.size() >= std::min<std::size_t>(kChunkBytes, options_.buffer / 4);
}

void Recorder::put(RecordKind kind, u32 subject, u64 ticket, u32 detail,
                   std::initializer_list<Part> data) noexcept {
  RecordHead head{};
  head.kind = u8(kind);
  head.detail = u8(detail);
  head.subject = subject;
  head.ticket = ticket;
  const std::size_t bytes = size_of(data);
  bool enough = false;
  if (!try_put(head, data, bytes, &enough)) {
    work_.notify();
    room_.wait(Wait{}, [&] { return try_put(head, data, bytes, &enough); });
  }
  if (enough) work_.notify();
}

void Recorder::put(RecordKind kind, u32 subject, u32 detail, const RecordFields& fields) {
  const std::vector<u8> data = encode_fields(fields);
  put(kind, subject, 0, detail, {{data.data(), data.size()}});
}

void Recorder::entered(u32 kernel, u64 ticket, const Envelope& envelope, std::span<const u8> body) noexcept {
  put(RecordKind::kEntered, kernel, ticket, 0, {{&envelope, sizeof(envelope)}, {body.data(), body.size()}});
}

void Recorder::answered(const Envelope& request, const Envelope& answer, const u8* body, u32 bytes) noexcept {
  put(RecordKind::kAnswer, u32(request.receiver), u64(u32(request.sender)) << 32 | u32(request.sequence), 0,
      {{&answer, sizeof(answer)}, {body, bytes}});
}

void Recorder::sent(u32 kernel, u64 ticket, const Envelope& envelope, const u8* body, u32 bytes) noexcept {
  put(RecordKind::kSent, kernel, ticket, 0, {{&envelope, sizeof(envelope)}, {body, bytes}});
}

void Recorder::letter(u32 kernel, LetterReason reason, const Envelope* envelope, std::span<const u8> body,
                      std::string_view text) noexcept {
  const Envelope none{};
  const u32 length = u32(text.size());
  put(RecordKind::kLetter, kernel, 0, u32(reason) | (envelope ? 0U : u32(kBareLetter)),
      {{envelope ? envelope : &none, sizeof(none)},
       {&length, sizeof(length)},
       {text.data(), text.size()},
       {body.data(), body.size()}});
}

bool Recorder::write_all(const void* data, std::size_t bytes) {
  const u8* from = static_cast<const u8*>(data);
  while (bytes) {
    const ssize_t wrote = ::write(file_, from, bytes);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      std::lock_guard held(busy_);
      report_.error = std::strerror(errno);
      return false;
    }
    from += wrote;
    bytes -= std::size_t(wrote);
  }
  return true;
}

bool Recorder::write_chunk(const std::vector<u8>& records, u32 count) {
  ChunkHead head{
      kChunkMagic, chunk_, u32(records.size()), count, crc32(view(records.data(), records.size())), 0};
  head.head_crc = crc32(view(&head, offsetof(ChunkHead, head_crc)));
  ++chunk_;
  return write_all(&head, sizeof(head)) && write_all(records.data(), records.size());
}

void Recorder::write() {
  std::vector<u8> writing;
  {
    std::lock_guard held(busy_);
    writing.reserve(filling_.capacity());
  }
  for (;;) {
    work_.wait(Wait::seconds(kFlushSeconds), [&] {
      std::lock_guard held(busy_);
      return has_work();
    });
    u32 count = 0;
    bool last = false;
    {
      std::lock_guard held(busy_);
      writing.clear();
      writing.swap(filling_);
      count = std::exchange(filled_, 0U);
      urgent_ = false;
      last = stopping_;
    }
    const bool good = writing.empty() || write_chunk(writing, count);
    {
      std::lock_guard held(busy_);
      pending_ -= writing.size();
      if (good) {
        report_.bytes += writing.empty() ? 0 : writing.size() + sizeof(ChunkHead);
      } else {
        report_.lost += count + filled_;
        report_.records -= count + filled_;
        atomic::store_relaxed(&open_, 0U);
        atomic::store_relaxed(&on_, 0U);
      }
    }
    room_.notify();
    if (last || !good) return;
  }
}

}  // namespace ringway
