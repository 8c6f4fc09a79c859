#include "core/mailbox.h"

namespace ringway {

Mailbox::Mailbox(const QueueOptions& options, bool lanes) {
  lanes_.reserve(lanes ? kLanes : 1);
  while (lanes_.size() < lanes_.capacity()) lanes_.emplace_back(options);
}

QueueCounts Mailbox::counts() const {
  QueueCounts sum{};
  for (const Queue& lane : lanes_) {
    const QueueCounts one = lane.counts();
    sum.depth += one.depth;
    sum.dropped_oldest += one.dropped_oldest;
    sum.dropped_new += one.dropped_new;
    sum.refused_full += one.refused_full;
    sum.refused_size += one.refused_size;
    sum.taken += one.taken;
  }
  return sum;
}

Sender::Offer Mailbox::offer(const Envelope& envelope, std::span<const u8> body, OnDrop on_drop,
                             OnSend on_send) const {
  return Sender(lane_for(envelope), on_drop, on_send)
      .offer({{&envelope, sizeof(envelope)}, {body.data(), body.size()}});
}

void Mailbox::check_size(std::size_t body, const std::string& type_name) const {
  if (body <= max_body()) return;
  QueueAtomics::add_index(&lanes_[0].ring().header->refused_size, 1);
  throw Error(ErrorKind::kMessageTooLarge, "a message of " + std::to_string(body) + " bytes (" +
                                               (type_name.empty() ? "plain bytes" : type_name) +
                                               ") does not fit the mailbox of kernel '" + lanes_[0].name() +
                                               "', whose slots hold " + std::to_string(max_body()) +
                                               "; launch with LaunchOptions(slot_size=...)");
}

std::string Mailbox::place_of(const Envelope& envelope) const {
  const Queue& lane = lane_for(envelope);
  const std::string number = std::to_string(&lane - lanes_.data());
  return (lanes_.size() == 1 ? "" : "lane " + number + " of ") + "the mailbox of kernel '" + lane.name() +
         "'";
}

void Mailbox::refuse(const Envelope& envelope, ErrorKind kind, const std::string& text, u64 messages) const {
  QueueAtomics::add_index(&lane_for(envelope).ring().header->refused_full, messages);
  throw Error(kind, text);
}

}  // namespace ringway
