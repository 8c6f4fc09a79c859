#include "core/queue_table.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"

namespace ringway {
namespace {

constexpr double kLongest = 86'400;
constexpr std::int64_t kMostLetters = 1 << 20;

template <class Value>
[[noreturn]] void refuse(const std::string& queue, const char* field, const Value& value,
                         const std::string& range) {
  std::ostringstream text;
  text << field << " of queue '" << queue << "' is " << value << "; it must be " << range;
  throw Error(ErrorKind::kInvalidOption, text.str());
}

void check(const NamedQueueOptions& options) {
  const std::int64_t capacity = options.capacity;
  if (capacity < kMinCapacity || capacity > kMaxCapacity || (capacity & (capacity - 1))) {
    refuse(options.name, "capacity", capacity, "a power of two, 16 to 1048576");
  }
  const std::int64_t most = kMaxMessage - std::int64_t(sizeof(Envelope));
  const std::int64_t slot = options.slot_size;
  if (slot != NamedQueueOptions::kAutoSlot && (slot < 1 || slot > most)) {
    refuse(options.name, "slot_size", slot, "'auto' or 1 to " + std::to_string(most) + " bytes");
  }
  const std::int64_t fixed = options.type.fixed_size;
  if (slot && slot < fixed) {
    refuse(options.name, "slot_size", slot,
           "'auto' or at least " + std::to_string(fixed) + ", the bytes of " + options.type.name);
  }
  const double timeout = options.block_timeout;
  if (!std::isfinite(timeout) || timeout < 0 || timeout > kLongest) {
    refuse(options.name, "block_timeout", timeout, "a number of seconds, 0 to 86400");
  }
  if (options.dead_letters < 0 || options.dead_letters > kMostLetters) {
    refuse(options.name, "dead_letters", options.dead_letters, "0 (none) to 1048576");
  }
}

}  // namespace

QueueOptions slots_for(const NamedQueueOptions& options) {
  check(options);
  const u32 envelope = options.type.content == Content::kAny ? u32(sizeof(Envelope)) : 0;
  const u32 fit = options.max_message ? options.max_message : u32(kUndeclaredMessage);
  const bool is_auto = options.slot_size == NamedQueueOptions::kAutoSlot;
  QueueOptions slots;
  slots.name = options.name;
  slots.capacity = u32(options.capacity);
  slots.max_message = (is_auto ? fit : u32(options.slot_size)) + envelope;
  slots.variable = is_auto && options.variable;
  slots.type = options.type.name;
  slots.policy = options.policy;
  return slots;
}

std::shared_ptr<NamedQueue> make_named_queue(const NamedQueueOptions& options) {
  Queue slots(slots_for(options));
  slots.sample_latency(NamedQueue::kLatencySample);
  return std::make_shared<NamedQueue>(std::move(slots), options.type, options.block_timeout,
                                      u32(options.dead_letters));
}

std::shared_ptr<NamedQueue> QueueTable::open(NamedQueueOptions options,
                                             const std::function<bool(const std::string&)>& taken,
                                             const Make& make) {
  std::lock_guard lock(changing_);
  forget_closed();
  auto in_use = [&](const std::string& name) { return has(name) || taken(name); };
  if (options.name.empty()) {
    do options.name = "queue-" + std::to_string(next_number_++);
    while (in_use(options.name));
  } else if (options.name.ends_with(".mailbox") || options.name.ends_with(".outbox")) {
    refuse(options.name, "name", "'" + options.name + "'",
           "another: names that end in .mailbox and .outbox are those of kernels' own queues");
  } else if (in_use(options.name)) {
    throw Error(ErrorKind::kInvalidOption, "a queue or kernel named '" + options.name +
                                               "' is there already; close it first or choose another name");
  }
  return queues_.emplace_back(make(options));
}

std::shared_ptr<NamedQueue> QueueTable::find(const std::string& name) {
  std::lock_guard lock(changing_);
  for (const auto& queue : queues_) {
    if (queue->name() == name && !queue->closed()) return queue;
  }
  return nullptr;
}

std::vector<std::shared_ptr<NamedQueue>> QueueTable::all() {
  std::lock_guard lock(changing_);
  forget_closed();
  return queues_;
}

void QueueTable::close() {
  for (const auto& queue : all()) queue->close(true);
}

bool QueueTable::has(const std::string& name) const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [&](const auto& queue) { return queue->name() == name; });
}

void QueueTable::forget_closed() {
  std::erase_if(queues_, [](const auto& queue) { return queue->closed(); });
}

}  // namespace ringway
