#include "core/record/history.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"

namespace ringway {
namespace {

constexpr u32 kLanes = 4;

LetterReason reason_of(const Record& letter) {
  return static_cast<LetterReason>(letter.head.detail & ~u32(kBareLetter));
}

u32 lane_of(const RecordedKernel& kernel, const Record& entered) {
  return kernel.spec.options.lanes ? entered.envelope().priority / (256 / kLanes) : 0;
}

[[noreturn]] void unknown(const char* what, u32 number) {
  throw Error(ErrorKind::kRecording, std::string("a record is of ") + what + " number " +
                                         std::to_string(number) + ", which the recording does not name");
}

template <class Map>
auto& found(Map& map, u32 number, const char* what) {
  const auto place = map.find(number);
  if (place == map.end()) unknown(what, number);
  return place->second;
}

}  // namespace

RecordedKernel& History::kernel(const Record& record) {
  return found(kernels_, record.head.subject, "kernel");
}

RecordedQueue& History::queue(const Record& record) {
  return found(queues_, record.head.subject, "queue");
}

History::History(const Recording& recording) : recording_(recording) {
  for (std::size_t i = 0; i < recording.size(); ++i) add(i, recording[i]);
  if (runtime_.empty()) {
    throw Error(ErrorKind::kRecording,
                "the recording '" + recording.path() + "' holds nothing that was written whole");
  }
  put_in_order();
  find_orders();
  withhold();
  for (auto& [number, kernel] : kernels_) {
    kernel.settled &= recording.complete() && !lost_;
    sort_by_ticket(kernel.sent);
  }
  for (auto& [number, queue] : queues_) {
    std::sort(queue.in.begin(), queue.in.end());
    std::sort(queue.out.begin(), queue.out.end());
  }
}

void History::add(std::size_t i, const Record& record) {
  const u32 subject = record.head.subject;
  switch (record.kind()) {
    case RecordKind::kRuntime: runtime_ = decode_fields(record.data); break;
    case RecordKind::kLaunch: {
      RecordedKernel made;
      made.fields = decode_fields(record.data);
      made.spec = launch_of(made.fields);
      made.earlier = record.head.detail != 0;
      made.clean = !made.earlier;
      kernels_[subject] = std::move(made);
      break;
    }
    case RecordKind::kLink: {
      const RecordFields fields = decode_fields(record.data);
      kernel(record);
      found(kernels_, u32(whole_of(fields, "target")), "kernel").sources.push_back(subject);
      break;
    }
    case RecordKind::kState: {
      RecordedKernel& of = kernel(record);
      const auto state = static_cast<State>(record.head.detail);
      if (state == State::kFailed) of.failed_at = i;
      of.ended_at = state == State::kTerminated ? i : kNoRecord;
      of.settled |= state == State::kTerminated;
      break;
    }
    case RecordKind::kQueueOpen: {
      RecordedQueue made;
      made.options = queue_of(decode_fields(record.data));
      made.earlier = record.head.detail != 0;
      queues_[subject] = std::move(made);
      break;
    }
    case RecordKind::kQueueClose: queue(record); break;
    case RecordKind::kEntered: add_input(i, record); break;
    case RecordKind::kAnswer: {
      const auto asked = by_key_.find({subject, i32(record.head.ticket >> 32), u32(record.head.ticket)});
      if (asked == by_key_.end()) {
        ++kernel(record).unasked;
      } else {
        inputs_[asked->second].answer = i;
      }
      break;
    }
    case RecordKind::kSent: kernel(record).sent.push_back(i); break;
    case RecordKind::kLetter: add_letter(i, record); break;
    case RecordKind::kQueueIn: queue(record).in.emplace_back(record.head.ticket, i); break;
    case RecordKind::kQueueOut: queue(record).out.emplace_back(record.head.ticket, i); break;
    case RecordKind::kQueueDrop: queue(record).dropped[record.head.ticket] = true; break;
    case RecordKind::kLost: lost_ += record.head.ticket; break;
    case RecordKind::kBuffers: buffers_ = record.head.ticket; break;
    case RecordKind::kIdle: {
      RecordedKernel& of = kernel(record);
      of.settled = true;
      of.clean |= of.inputs.empty() && of.sent.empty();
      break;
    }
    case RecordKind::kReplaced: ++kernel(record).replaced; break;
    case RecordKind::kEnd: break;
  }
}

void History::add_input(std::size_t i, const Record& record) {
  const Envelope envelope = record.envelope();
  RecordedKernel& to = kernel(record);
  if (to.ended_at == kNoRecord) to.settled = false;
  const u32 number = u32(inputs_.size());
  to.inputs.push_back(number);
  inputs_.push_back({i, record.head.subject, envelope.sender != kNoEndpoint});
  // The generation of a reply cell has 32 bits.
  const u64 sequence = envelope.sender == kNoEndpoint ? envelope.sequence : u32(envelope.sequence);
  by_key_[{record.head.subject, envelope.sender, sequence}] = number;
  input_of_[i] = number;
}

void History::add_letter(std::size_t i, const Record& record) {
  RecordedKernel& of = kernel(record);
  const LetterReason reason = reason_of(record);
  of.dropped += reason == LetterReason::kDropNew || reason == LetterReason::kDropOldest;
  const Envelope envelope = record.envelope();
  // Of messages that did not enter, or that the host, not the kernel, could not pass on; a kernel's own that go nowhere
  // have no time yet.
  const bool host = reason == LetterReason::kClosed && envelope.timestamp_us;
  if (reason == LetterReason::kDropNew || reason == LetterReason::kRefused || host) return;
  const bool was_sent = reason == LetterReason::kClosed || reason == LetterReason::kTooLarge;
  if ((record.head.detail & kBareLetter) || was_sent) {
    of.letters.push_back(i);
    return;
  }
  const u64 sequence = envelope.sender == kNoEndpoint ? envelope.sequence : u32(envelope.sequence);
  const auto entered = by_key_.find({record.head.subject, envelope.sender, sequence});
  if (entered == by_key_.end()) {
    ++of.unasked;
  } else {
    inputs_[entered->second].letter = i;
  }
}

std::size_t History::entering(std::size_t place) const {
  const auto moved = entering_.find(place);
  return moved == entering_.end() ? place : moved->second;
}

void History::sort_by_ticket(std::vector<std::size_t>& places) const {
  const auto key = [&](std::size_t place) { return std::pair(recording_[place].head.ticket, place); };
  std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
}

// Threads write their records between the claim of a ticket and its publication, and may overtake each other there.
void History::put_in_order() {
  auto order = [&](std::vector<std::size_t>& places) {
    std::vector<std::size_t> sorted = places;
    sort_by_ticket(sorted);
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i] != sorted[i]) entering_[places[i]] = sorted[i];
    }
  };
  for (const auto& [number, kernel] : kernels_) {
    std::array<std::vector<std::size_t>, kLanes> lanes;
    for (const u32 input : kernel.inputs) {
      const std::size_t record = inputs_[input].record;
      lanes[lane_of(kernel, recording_[record])].push_back(record);
    }
    for (auto& lane : lanes) order(lane);
  }
  for (const auto& [number, queue] : queues_) {
    std::vector<std::size_t> places;
    for (const auto& [ticket, record] : queue.in) places.push_back(record);
    order(places);
  }
}

void History::find_orders() {
  for (auto& [number, kernel] : kernels_) {
    std::set<u32> lanes;
    for (const u32 input : kernel.inputs) lanes.insert(lane_of(kernel, recording_[inputs_[input].record]));
    if (kernel.spec.grid > 1) kernel.unordered = "replicas share its mailbox";
    if (lanes.size() > 1) kernel.unordered = "its messages came in several lanes";
    if (kernel.sources.size() + !kernel.inputs.empty() > 1) kernel.unordered = "it has several inputs";
    kernel.ordered = kernel.unordered.empty();
  }
  // What an unordered kernel sends comes in an order of its own, however many links it passes.
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& [number, kernel] : kernels_) {
      for (const u32 source : kernel.sources) {
        if (!kernel.ordered || kernels_.at(source).ordered) continue;
        kernel.ordered = false;
        kernel.unordered = "kernel '" + kernels_.at(source).spec.name + "' sends to it in no fixed order";
        changed = true;
      }
    }
  }
}

void History::withhold() {
  for (RecordedInput& input : inputs_) {
    if (input.letter == kNoRecord) continue;
    switch (reason_of(recording_[input.letter])) {
      case LetterReason::kDropOldest:
      case LetterReason::kExpired:
      case LetterReason::kTerminated: input.withheld = true; break;
      case LetterReason::kDuplicate: input.withheld = !kernels_.at(input.kernel).ordered; break;
      default: break;
    }
  }
}

}  // namespace ringway
