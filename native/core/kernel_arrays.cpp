// Arrays of messages of one fixed layout, into a mailbox and out of an outbox.
#include <algorithm>
#include <cstring>

#include "core/bridge.h"
#include "core/error.h"
#include "core/kernel.h"
#include "core/record/recorder.h"
#include "core/reply.h"
#include "core/runtime.h"

namespace ringway {
namespace {

constexpr u32 kBatch = 64;  // messages between two looks at whether the kernel lives

}  // namespace

u32 Kernel::try_send_many(Envelope envelope, const BodyFields& fields, const u8* first, std::ptrdiff_t stride,
                          u32 n, u32 bytes, const std::string& type_name, u32* dropped) {
  check_usable();
  check_message(envelope, bytes, type_name);
  complete(&envelope);
  envelope.sender = kNoEndpoint;
  // Messages that say their priority may go to different lanes.
  const bool by_one = options_.lanes && fields.priority.at >= 0;
  auto address = [&] {
    envelope.sequence = atomic::add_relaxed(&sequence_, u64(1));
    if (!read_fields(fields, {first, bytes}, &envelope)) fresh_id(envelope.message_id);
  };
  const Queue& lane = port_->mailbox.lane_for(envelope);
  Sender sender(lane);
  u32 done = 0;
  while (done < n) {
    if (done) check_usable();
    const auto claim = sender.reserve(by_one ? 0 : std::min(n - done, kBatch));
    for (u32 i = 0; i < claim.count; ++i, first += stride) {
      address();
      u8* const to = sender.payload(claim.first + i);
      std::memcpy(to, &envelope, sizeof(envelope));
      std::memcpy(to + sizeof(envelope), first, bytes);
      if (Latency* latency = lane.latency()) latency->sent(claim.first + i);
      if (port_->recorder->on())
        port_->recorder->entered(port_->index, claim.first + i, envelope, {first, bytes});
      sender.publish(claim.first + i, u32(sizeof(envelope)) + bytes);
    }
    done += claim.count;
    if (!claim.count) {
      // One message by the policy, which is for a full mailbox.
      address();
      const Put made = put(envelope, {first, bytes}, nullptr, IfFull::kReturn);
      if (made == Put::kFull) break;
      if (made == Put::kDropped) ++*dropped;
      ++done;
      first += stride;
    }
    runtime_->backend().notify(*port_);
  }
  return done;
}

u32 Kernel::try_receive_many(u32 type_id, const std::string& type_name, u32 bytes, u8* first,
                             std::ptrdiff_t stride, u32 n) {
  runtime_->check_usable();
  Consumer<Atomics, true> consumer;
  consumer.open(port_->outbox.ring());
  const bool over = ended();  // before the look: nothing more comes then
  u32 done = 0;
  std::string other;
  while (done < n) {
    const auto claim = consumer.peek(std::min(n - done, kBatch));
    if (!claim.count) break;
    for (u32 i = 0; i < claim.count; ++i) {
      const u8* from = payload_at(consumer.ring, claim.first + i);
      const u32 size = consumer.size(claim.first + i);
      if (size < sizeof(Envelope)) continue;  // the kernel reserved the slot and did not use it
      Envelope envelope;
      std::memcpy(&envelope, from, sizeof(envelope));
      const u32 body = size - u32(sizeof(envelope));
      from += sizeof(envelope);
      if (envelope.type_id == type_id && body == bytes) {
        std::memcpy(first, from, bytes);
        first += stride;
        ++done;
        continue;
      }
      other = "kernel '" + name_ + "' sent a message of type number " + std::to_string(envelope.type_id) +
              " of " + std::to_string(body) + " bytes, not " + (type_name.empty() ? "bytes" : type_name) +
              " of " + std::to_string(bytes) + "; it is among its dead letters";
      port_->dead_letters.add(LetterReason::kRefused, &envelope, {from, body}, other);
    }
    consumer.release_n(claim);
    if (take_held_back(*port_)) runtime_->backend().notify(*port_);
  }
  if (done) return done;
  if (!other.empty()) throw Error(ErrorKind::kTypeMismatch, other);
  // What an ended kernel had sent may be on its way still.
  if (port_->bridge && state() != State::kActive && port_->bridge->turn()) return 0;
  if (over) check_usable();
  return 0;
}

}  // namespace ringway
