// Compares what came out of a recorded run and of its replay, which was recorded too.
//
// Answers belong to their requests; messages to the host that answer one (correlation id) to that one; what a queue gave
// out to what was put in. Other messages to the host are compared in order where a kernel handles its messages in one
// order only, else as a multiset. Envelopes are compared by type and error flag: ids, sequences and times are new in
// every run.
#pragma once
#include <string>
#include <vector>

#include "core/record/replay.h"

namespace ringway {

// Both, or only the recorded or the replayed run, have it.
enum class Finding : u32 { kDifferent, kMissing, kExtra };

struct Difference {
  Finding finding;
  const char* what;  // "answer", "message", "dead letter", "failure", "queue"
  std::string where;
  std::size_t place;  // in Comparison::parts
  std::size_t recorded = kNoRecord, replayed = kNoRecord;
};

// A kernel, or a queue.
struct ComparedPart {
  std::string name, type;
  std::string unordered;  // why it was compared as a multiset; empty: in order
  bool queue = false, earlier = false;
  u64 entered = 0;   // messages recorded
  u64 withheld = 0;  // of these, left out of the replay as the recording never handled them
  u64 refused = 0;   // that the replay could not put in
  u64 out = 0;       // recorded outputs = equal + different + missing
  u64 equal = 0, different = 0, missing = 0;
  u64 extra = 0;      // outputs of the replay alone
  u64 reordered = 0;  // equal, but in another order
  u64 beyond = 0;     // outputs of the replay that the recording ended too early for, or nobody waited for
  u64 unasked = 0;    // recorded outputs of messages from before the recording
  u64 dropped = 0;    // by its policy, in the recorded run
  std::string refusal;
};

struct Comparison {
  static constexpr std::size_t kKept = 10'000;  // of the missing and of the extra ones each

  std::vector<ComparedPart> parts;
  std::vector<Difference> differences;  // every different one
};

// The data of both runs outlives this.
Comparison compare(const History& recorded, const History& replayed, const Played& played);

}  // namespace ringway
