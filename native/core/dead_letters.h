// Messages that were not handled, with the reason: a bounded list of copies, which gives up its own oldest letter and
// counts it. Its memory comes with the first letter. Every method may be called from any thread.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringway/atomics_runtime.h"
#include "ringway/layout.h"

namespace ringway {

class Recorder;

enum class LetterReason : u32 {
  kDropNew,     // the mailbox was full, and the policy drops what comes
  kDropOldest,  // it made room for a newer message
  kExpired,     // its time to live was over before its turn
  kDuplicate,   // a message of the same id was handled before
  kFailed,      // its handler, or the kernel, failed
  kTerminated,  // it was left over when the kernel ended
  kClosed,      // the link it was sent on has no receiver any more
  kTooLarge,    // the kernel sent it to a queue whose slots are smaller
  kRefused,     // it came by a feed whose target does not carry it
};
// The name that users see: "drop_new", …
const char* name_of(LetterReason reason);

struct DeadLetter {
  LetterReason reason;
  bool bare;  // of a link, or a queue of one type: without an envelope but for its type
  Envelope envelope;
  std::vector<u8> body;
  std::string error;  // the reason in words
  u64 time_us;        // when it was set aside, since the Unix epoch
};

class DeadLetters {
 public:
  explicit DeadLetters(u32 capacity) : capacity_(capacity) {}

  // Letters that are kept; 0: none.
  u32 capacity() const { return capacity_; }
  // A copy of the message; `envelope` is null for a bare one, of the class `bare_type`. A letter that there is no memory
  // for is counted as lost.
  void add(LetterReason reason, const Envelope* envelope, std::span<const u8> body, std::string_view error,
           u32 bare_type = 0) noexcept;
  // Counts letters that would only be given up for those that come next.
  void pass(u64 letters) { atomic::add_relaxed(&lost_, letters); }
  // What is added is recorded too, as letters of that kernel; before the kernel runs.
  void record_to(Recorder* recorder, u32 kernel) {
    recorder_ = recorder;
    kernel_ = kernel;
  }
  // Oldest first; `clear` takes them out.
  std::vector<std::shared_ptr<const DeadLetter>> list(bool clear);
  // False when it is not in the list any more.
  bool remove(const DeadLetter* letter);
  // Letters that were given up for newer ones, or for which there was no memory.
  u64 lost() const { return atomic::load_relaxed(&lost_); }

 private:
  using Letters = std::deque<std::shared_ptr<const DeadLetter>>;

  const u32 capacity_;
  u32 kernel_ = 0;
  Recorder* recorder_ = nullptr;
  std::mutex changing_;
  std::unique_ptr<Letters> letters_;
  u64 lost_ = 0;
};

}  // namespace ringway
