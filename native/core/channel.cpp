#include "core/channel.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace ringway {

enum : int { kDropOldestAttempts = 4 };  // others may fill the slot that was freed

std::size_t Sender::size_of(std::initializer_list<Part> parts) {
  std::size_t bytes = 0;
  for (const Part& part : parts) bytes += part.bytes;
  return bytes;
}

void Sender::check_size(std::size_t bytes, const std::string& type) const {
  if (bytes <= queue_->max_message()) return;
  QueueAtomics::add_index(&side_.ring.header->refused_size, 1);
  throw Error(ErrorKind::kMessageTooLarge,
              "a message of " + std::to_string(bytes) + " bytes (" + (type.empty() ? "plain bytes" : type) +
                  ") is larger than the slots of queue '" + queue_->name() + "', which hold " +
                  std::to_string(queue_->max_message()) + "; create the queue with a larger slot size");
}

Sender::Offer Sender::offer(std::initializer_list<Part> parts) {
  auto claim = side_.reserve(1);
  const Backpressure policy = queue_->options().policy;
  if (policy == Backpressure::kDropOldest) {
    for (int attempt = 0; attempt < kDropOldestAttempts && !claim.count; ++attempt) {
      drop_oldest_for(side_.blocked());
      claim = side_.reserve(1);
    }
  }
  if (!claim.count) {
    if (policy == Backpressure::kBlock || policy == Backpressure::kReject) return Offer::kFull;
    QueueAtomics::add_index(&side_.ring.header->dropped_new, 1);
    return Offer::kDropped;
  }
  u8* to = payload(claim.first);
  for (const Part& part : parts) {
    if (part.bytes) std::memcpy(to, part.data, part.bytes);
    to += part.bytes;
  }
  if (Latency* latency = queue_->latency()) latency->sent(claim.first);
  if (on_send_.call) on_send_.call(on_send_.self, claim.first);
  side_.publish(claim.first, u32(size_of(parts)), 0);
  return Offer::kSent;
}

void Sender::drop_oldest_for(u64 ticket) const {
  if (!take_oldest(side_.ring, ticket)) return;
  struct Free {
    const QueueRing& ring;
    u64 ticket;
    ~Free() { free_oldest(ring, ticket); }
  } free{side_.ring, ticket};
  if (!on_drop_.call) return;
  auto* const slot = side_.ring.slot(ticket);
  const u32 bytes = QueueAtomics::size(slot, QueueAtomics::load_ready(slot)) & kSizeMask;
  on_drop_.call(on_drop_.self, payload(ticket), std::min(bytes, queue_->max_message()));
}

u32 Sender::send_some(const void* messages, u32 n, u32 bytes, const std::string& type) {
  check_size(bytes, type);
  const auto claim = side_.reserve(n);
  const u8* from = static_cast<const u8*>(messages);
  for (u32 i = 0; i < claim.count; ++i)
    std::memcpy(payload(claim.first + i), from + std::size_t(i) * bytes, bytes);
  side_.publish_n(claim, bytes);
  return claim.count;
}

void Sender::refuse() const {
  QueueAtomics::add_index(&side_.ring.header->refused_full, 1);
  const bool blocked = queue_->options().policy == Backpressure::kBlock;
  throw Error(ErrorKind::kQueueFull,
              "queue '" + queue_->name() + "' is full (" + std::to_string(side_.ring.capacity) +
                  " messages, " + (blocked ? "no room within the block time-out" : "policy 'reject'") +
                  "); receive from it, or create it with more capacity or another policy");
}

i32 Receiver::try_receive(void* to) {
  const auto claim = side_.peek(1);
  if (!claim.count) return -1;
  const u32 bytes = bounded(claim.first);
  std::memcpy(to, payload(claim.first), bytes);
  side_.release(claim.first);
  return i32(bytes);
}

u32 Receiver::bounded(u64 ticket) const {
  const u32 bytes = side_.size(ticket);
  return bytes < queue_->max_message() ? bytes : queue_->max_message();
}

u32 Receiver::receive_some(void* to, u32* sizes, u32 n) {
  const auto claim = side_.peek(n);
  u8* out = static_cast<u8*>(to);
  for (u32 i = 0; i < claim.count; ++i, out += queue_->max_message()) {
    sizes[i] = bounded(claim.first + i);
    std::memcpy(out, payload(claim.first + i), sizes[i]);
  }
  side_.release_n(claim);
  return claim.count;
}

Claim<QueueAtomics> Receiver::peek(u32 n) {
  if (queue_->options().policy == Backpressure::kDropOldest) {
    throw Error(ErrorKind::kInvalidState,
                "queue '" + queue_->name() +
                    "' drops the oldest message, so that its messages are received by copy, "
                    "not read in place");
  }
  return side_.peek(n);
}

}  // namespace ringway
