#include "core/dead_letters.h"

#include <algorithm>

#include "core/record/recorder.h"
#include "core/wait.h"

namespace ringway {

const char* name_of(LetterReason reason) {
  switch (reason) {
    case LetterReason::kDropNew: return "drop_new";
    case LetterReason::kDropOldest: return "drop_oldest";
    case LetterReason::kExpired: return "expired";
    case LetterReason::kDuplicate: return "duplicate";
    case LetterReason::kFailed: return "failed";
    case LetterReason::kTerminated: return "terminated";
    case LetterReason::kTooLarge: return "too_large";
    case LetterReason::kRefused: return "refused";
    case LetterReason::kClosed: break;
  }
  return "closed";
}

void DeadLetters::add(LetterReason reason, const Envelope* envelope, std::span<const u8> body,
                      std::string_view error, u32 bare_type) noexcept {
  if (recorder_ && recorder_->on()) recorder_->letter(kernel_, reason, envelope, body, error);
  if (!capacity_) return;
  try {
    auto letter = std::make_shared<DeadLetter>();
    letter->reason = reason;
    letter->bare = !envelope;
    if (envelope) {
      letter->envelope = *envelope;
    } else {
      letter->envelope.type_id = bare_type;
      letter->envelope.priority = u8(kDefaultPriority);
    }
    letter->body.assign(body.begin(), body.end());
    letter->error = error;
    letter->time_us = unix_us();
    std::lock_guard lock(changing_);
    if (!letters_) letters_ = std::make_unique<Letters>();
    letters_->push_back(std::move(letter));
    if (letters_->size() <= capacity_) return;
    letters_->pop_front();
  } catch (const std::bad_alloc&) {
  }
  atomic::add_relaxed(&lost_, u64(1));
}

std::vector<std::shared_ptr<const DeadLetter>> DeadLetters::list(bool clear) {
  std::lock_guard lock(changing_);
  if (!letters_) return {};
  std::vector<std::shared_ptr<const DeadLetter>> all(letters_->begin(), letters_->end());
  if (clear) letters_.reset();
  return all;
}

bool DeadLetters::remove(const DeadLetter* letter) {
  std::lock_guard lock(changing_);
  if (!letters_) return false;
  return std::erase_if(*letters_, [&](const auto& held) { return held.get() == letter; }) != 0;
}

}  // namespace ringway
