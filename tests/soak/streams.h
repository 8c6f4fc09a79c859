// Messages of several streams: a stream's number in the high byte of a Pattern's sequence, a number within it below.
#pragma once
#include <vector>

#include "check.h"

namespace ringway::soak {

constexpr u32 kMostBody = 128;

inline u64 sequence_of(u64 stream, u64 number) {
  return stream << 56 | number;
}

struct Body {
  u8 data[kMostBody];
  u32 bytes;

  Body(u64 stream, u64 number) {
    const u64 sequence = sequence_of(stream, number);
    bytes = Pattern::bytes(sequence, kMostBody);
    Pattern::write(data, sequence, bytes);
  }
};

enum class Order { kExact, kRising, kAny };

// Sees each message that was received, or set aside.
class Streams {
 public:
  Streams(const Plan& plan, const char* part, std::vector<u64> lengths)
      : plan_(plan),
        part_(part),
        lengths_(std::move(lengths)),
        last_(lengths_.size(), 0),
        counts_(lengths_.size(), 0) {
    for (const u64 length : lengths_) seen_.emplace_back(length, false);
  }

  // The order is that among messages of the same kind: received ones, for instance.
  void see(const u8* data, std::size_t bytes, Order order) {
    const u64 stream = mark(data, bytes);
    const u64 number = last_seen_;
    u64& next = last_[stream];
    if (order == Order::kExact ? number != next : order == Order::kRising && number < next)
      fail(stream, number, "came where " + std::to_string(next) + " was due, or a later one");
    next = number + 1;
  }
  void see_letter(const u8* data, std::size_t bytes) { mark(data, bytes); }
  u64 count() const { return count_; }
  u64 count(u64 stream) const { return counts_[stream]; }
  u64 next(u64 stream) const { return last_[stream]; }
  // Each message of each stream, once.
  void check_all() const {
    for (u64 stream = 0; stream < seen_.size(); ++stream) check_first(stream, lengths_[stream]);
  }
  void check_first(u64 stream, u64 messages) const {
    for (u64 number = 0; number < messages; ++number)
      if (!seen_[stream][number]) fail(stream, number, "is lost");
  }

 private:
  u64 mark(const u8* data, std::size_t bytes) {
    u64 sequence = 0;
    if (bytes < 16) wrong(plan_, std::string(part_) + ": a message of " + std::to_string(bytes) + " bytes");
    std::memcpy(&sequence, data, 8);
    const u64 stream = sequence >> 56;
    last_seen_ = sequence & ~(~u64(0) << 56);
    if (stream >= seen_.size() || last_seen_ >= lengths_[stream] ||
        !Pattern::holds(data, sequence, u32(bytes), kMostBody))
      fail(stream, last_seen_, "has other bytes");
    if (seen_[stream][last_seen_]) fail(stream, last_seen_, "came twice");
    seen_[stream][last_seen_] = true;
    ++count_;
    ++counts_[stream];
    return stream;
  }
  [[noreturn]] void fail(u64 stream, u64 number, const std::string& how) const {
    wrong(plan_, std::string(part_) + ": message " + std::to_string(number) + " of stream " +
                     std::to_string(stream) + " " + how);
  }

  const Plan& plan_;
  const char* const part_;
  const std::vector<u64> lengths_;
  std::vector<u64> last_, counts_;
  std::vector<std::vector<bool>> seen_;
  u64 last_seen_ = 0, count_ = 0;
};

}  // namespace ringway::soak
