#include <algorithm>
#include <chrono>
#include <thread>

#include "mailbox.h"
#include "parts.h"

namespace ringway::soak {

u64 pumped(const Plan& plan, Runtime& runtime, Random& random) {
  LaunchOptions options = any_options(random);
  options.bridge = BridgeKind::kPumped;
  const auto echo = runtime.launch("echo", "", options);
  echo->activate();
  const u64 messages = 2'000 + random() % 8'000, requests = messages / 8;
  Streams received(plan, "pumped", {messages}), answers(plan, "pumped requests", {requests});
  std::thread sender = thread(plan, [&] {
    for (u64 i = 0; i < messages; ++i) {
      const Body body(0, i);
      echo->send(envelope_of_any(), {body.data, body.bytes}, "");
    }
  });
  std::thread asker = thread(plan, [&] {
    for (u64 i = 0; i < requests; ++i) {
      const Body body(0, i);
      auto* cell = echo->ask(envelope_of_any(), {body.data, body.bytes}, "");
      const Reply reply = echo->wait(cell, patience(), kPatience);
      answers.see(reply.body.data(), reply.body.size(), Order::kExact);
      runtime.replies().give_back(cell);
    }
  });
  for (u64 i = 0; i < messages; ++i) {
    receive(plan, *echo, received, Order::kExact);
    disturb(*echo, random);
  }
  sender.join();
  asker.join();
  end(plan, *echo);
  return messages + requests;
}

u64 lanes(const Plan& plan, Runtime& runtime, Random& random) {
  LaunchOptions options = any_options(random);
  options.lanes = true;
  const auto echo = runtime.launch("echo", "", options);
  echo->activate();
  const u64 each = 500 + random() % 2'000;
  Streams received(plan, "lanes", {each, each, each, each});
  std::thread sender = thread(plan, [&, seed = random()] {
    Random order(seed);
    u64 sent[4] = {};
    for (u64 left = 4 * each; left;) {
      const u64 lane = order() % 4;
      if (sent[lane] == each) continue;
      const Body body(lane, sent[lane]++);
      Envelope envelope = envelope_of_any();
      envelope.priority = u8(lane << 6 | order() % 64);
      echo->send(envelope, {body.data, body.bytes}, "");
      --left;
    }
  });
  for (u64 i = 0; i < 4 * each; ++i) {
    receive(plan, *echo, received, Order::kExact);
    disturb(*echo, random);
  }
  sender.join();
  end(plan, *echo);
  return 4 * each;
}

u64 replicas(const Plan& plan, Runtime& runtime, Random& random) {
  constexpr u64 kSenders = 3;
  const LaunchOptions options = any_options(random);
  const auto echo =
      runtime.launch("echo", "", options, 1 + std::int64_t(random() % runtime.backend().workers()));
  echo->activate();
  const u64 each = 500 + random() % 3'000;
  Streams received(plan, "replicas", std::vector<u64>(kSenders, each));
  std::vector<std::thread> senders;
  for (u64 stream = 0; stream < kSenders; ++stream) {
    senders.push_back(thread(plan, [&, stream] {
      for (u64 i = 0; i < each; ++i) {
        const Body body(stream, i);
        echo->send(envelope_of_any(), {body.data, body.bytes}, "");
      }
    }));
  }
  for (u64 i = 0; i < kSenders * each; ++i) {
    receive(plan, *echo, received, Order::kAny);
    disturb(*echo, random);
  }
  for (std::thread& sender : senders) sender.join();
  received.check_all();
  end(plan, *echo);
  return received.count();
}

u64 duplicates(const Plan& plan, Runtime& runtime, Random& random) {
  LaunchOptions options = any_options(random);
  options.dedup = 16 + std::int64_t(random() % 1009);
  const u64 messages = 2'000 + random() % 4'000;
  options.dead_letters = std::int64_t(messages);
  const auto echo = runtime.launch("echo", "", options);
  echo->activate();
  Streams received(plan, "duplicates", {messages}), refused(plan, "refused duplicates", {messages});
  u64 repeated = 0;
  std::thread sender = thread(plan, [&, seed = random()] {
    Random chance(seed);
    std::vector<Envelope> envelopes;
    u64 next = 0;  // each is repeated at most once, so that its letter can be told
    for (u64 i = 0; i < messages; ++i) {
      const Body body(0, i);
      envelopes.push_back(envelope_of_any());
      echo->send(envelopes.back(), {body.data, body.bytes}, "");
      if (chance() % 4) continue;
      // The last `dedup` ids are remembered: of these, one that was not repeated.
      const u64 first = std::max(next, i + 1 - std::min(i + 1, u64(options.dedup)));
      const u64 again = first + chance() % (i + 1 - first);
      next = again + 1;
      const Body same(0, again);
      echo->send(envelopes[again], {same.data, same.bytes}, "");
      ++repeated;
    }
  });
  for (u64 i = 0; i < messages; ++i) {
    receive(plan, *echo, received, Order::kExact);
    disturb(*echo, random);
  }
  sender.join();
  end(plan, *echo);
  check_count(plan, "duplicates", echo->telemetry().control.dropped_duplicate, repeated);
  for (const auto& letter : echo->dead_letters().list(true)) {
    if (letter->reason != LetterReason::kDuplicate)
      wrong(plan, "a letter of another reason: " + letter->error);
    refused.see(letter->body.data(), letter->body.size(), Order::kRising);
  }
  check_count(plan, "letters of duplicates", refused.count(), repeated);
  return messages + repeated;
}

u64 expiries(const Plan& plan, Runtime& runtime, Random& random) {
  LaunchOptions options = any_options(random);
  const u64 messages = u64(options.capacity);
  options.lanes = random() % 2;  // all of one priority
  options.dead_letters = std::int64_t(messages);
  const auto echo = runtime.launch("echo", "", options);
  Streams received(plan, "expired", {messages}), expired(plan, "letters of expired", {messages});
  std::vector<bool> late(messages);
  u64 lates = 0;
  for (u64 i = 0; i < messages; ++i) {
    const Body body(0, i);
    Envelope envelope = envelope_of_any();
    late[i] = random() % 2;
    lates += late[i];
    envelope.ttl_10ms = late[i] ? u16(1) : u16(random() % 2 ? 0xffff : 0);
    echo->send(envelope, {body.data, body.bytes}, "");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  echo->activate();
  for (u64 i = lates; i < messages; ++i) receive(plan, *echo, received, Order::kRising);
  end(plan, *echo);
  check_count(plan, "expired", echo->telemetry().control.dropped_expired, lates);
  for (const auto& letter : echo->dead_letters().list(true)) {
    if (letter->reason != LetterReason::kExpired) wrong(plan, "a letter of another reason: " + letter->error);
    expired.see(letter->body.data(), letter->body.size(), Order::kRising);
    received.see_letter(letter->body.data(), letter->body.size());
    if (!late[expired.next(0) - 1]) wrong(plan, "a message expired that had time");
  }
  received.check_all();
  return messages;
}

}  // namespace ringway::soak
