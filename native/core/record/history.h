// What a recording says, put in order: each kernel's messages with what became of them, and what each queue held.
#pragma once
#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/dead_letters.h"
#include "core/lifecycle.h"
#include "core/record/fields.h"
#include "core/record/recording.h"

namespace ringway {

inline constexpr std::size_t kNoRecord = ~std::size_t(0);

// A message that entered a mailbox.
struct RecordedInput {
  std::size_t record;
  u32 kernel;
  bool asks;  // its sender waits for an answer
  bool withheld =
      false;  // by the recording never handled, for a reason that lies in time: a replay leaves it out
  std::size_t answer = kNoRecord, letter = kNoRecord;
};

struct RecordedKernel {
  LaunchSpec spec;
  RecordFields fields;    // as recorded
  bool earlier = false;   // launched before the recording began
  bool clean = true;      // nothing waited in its queues when it began
  bool settled = false;   // everything recorded was handled when it ended
  bool ordered = true;    // its messages are handled in one order only
  std::string unordered;  // why not
  std::vector<u32> inputs;
  std::vector<std::size_t> sent;     // to the host, by ticket
  std::vector<std::size_t> letters;  // of links, and of what it could not send
  std::vector<u32> sources;          // kernels with links to it, one per link
  std::size_t failed_at = kNoRecord, ended_at = kNoRecord;
  u64 dropped = 0;   // by its policy: never in the mailbox, or taken out
  u64 replaced = 0;  // times that another kernel took its place
  u64 unasked = 0;   // answers to messages from before the recording
};

struct RecordedQueue {
  NamedQueueOptions options;
  bool earlier = false;
  using Tickets = std::vector<std::pair<u64, std::size_t>>;  // with the record, by ticket
  Tickets in, out;
  std::unordered_map<u64, bool> dropped;
};

class History {
 public:
  // Throws kRecording when records contradict each other. `recording` outlives this.
  explicit History(const Recording& recording);

  const Recording& recording() const { return recording_; }
  const RecordFields& runtime() const { return runtime_; }
  const std::map<u32, RecordedKernel>& kernels() const { return kernels_; }
  const std::map<u32, RecordedQueue>& queues() const { return queues_; }
  const std::vector<RecordedInput>& inputs() const { return inputs_; }
  // For a place in the recording at which a message entered somewhere: the record of the message that a replay puts in
  // there, so that each queue gets its messages in the order of their tickets.
  std::size_t entering(std::size_t place) const;
  u32 input_of(std::size_t record) const { return input_of_.at(record); }
  u64 lost() const { return lost_; }
  u64 buffers() const { return buffers_; }

 private:
  void add(std::size_t i, const Record& record);
  void add_input(std::size_t i, const Record& record);
  void add_letter(std::size_t i, const Record& record);
  void sort_by_ticket(std::vector<std::size_t>& places) const;
  void put_in_order();
  void find_orders();
  void withhold();
  RecordedKernel& kernel(const Record& record);
  RecordedQueue& queue(const Record& record);

  struct Key {
    u32 kernel;
    i32 sender;
    u64 sequence;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::size_t((key.sequence * 0x9e3779b97f4a7c15ULL ^ u32(key.sender)) * 0xff51afd7ed558ccdULL ^
                         key.kernel);
    }
  };
  const Recording& recording_;
  RecordFields runtime_;
  std::map<u32, RecordedKernel> kernels_;
  std::map<u32, RecordedQueue> queues_;
  std::vector<RecordedInput> inputs_;
  std::unordered_map<Key, u32, Hash> by_key_;
  std::unordered_map<std::size_t, u32> input_of_;          // by record
  std::unordered_map<std::size_t, std::size_t> entering_;  // where tickets and records differ in order
  u64 lost_ = 0;
  u64 buffers_ = 0;
};

}  // namespace ringway
