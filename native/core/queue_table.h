// Named queues, by name: those of a runtime, or made alone.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/named_queue.h"

namespace ringway {

struct NamedQueueOptions {
  static constexpr std::int64_t kAutoSlot = 0;

  std::string name;  // empty: one is made
  QueueType type;
  std::int64_t capacity = 4096;
  std::int64_t slot_size = kAutoSlot;  // bytes of the largest message, without an envelope
  u32 max_message = 0;                 // bytes that kAutoSlot fits; 0: kUndeclaredMessage
  bool variable = false;               // and then a fifth more
  Backpressure policy = Backpressure::kBlock;
  double block_timeout = 5;         // seconds
  std::int64_t dead_letters = 256;  // dropped messages that are kept; 0: none
};

// The slots of such a queue. Throws kInvalidOption, naming field, value and range.
QueueOptions slots_for(const NamedQueueOptions& options);
std::shared_ptr<NamedQueue> make_named_queue(const NamedQueueOptions& options);

class QueueTable {
 public:
  using Make = std::function<std::shared_ptr<NamedQueue>(const NamedQueueOptions&)>;

  // Throws kInvalidOption when a queue here has the name, or `taken` says that something else has.
  std::shared_ptr<NamedQueue> open(NamedQueueOptions options,
                                   const std::function<bool(const std::string&)>& taken,
                                   const Make& make = make_named_queue);
  // A closed queue is in no table. Null: there is none of that name.
  std::shared_ptr<NamedQueue> find(const std::string& name);
  std::vector<std::shared_ptr<NamedQueue>> all();  // in order of creation
  void close();                                    // discards what is left

 private:
  bool has(const std::string& name) const;
  void forget_closed();

  std::mutex changing_;
  std::vector<std::shared_ptr<NamedQueue>> queues_;
  u64 next_number_ = 0;
};

}  // namespace ringway
