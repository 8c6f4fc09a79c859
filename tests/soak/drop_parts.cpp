#include <thread>

#include "mailbox.h"
#include "parts.h"

namespace ringway::soak {
namespace {

u64 drops(const Plan& plan, Runtime& runtime, Random& random, Backpressure policy, const char* part) {
  LaunchOptions options = any_options(random);
  options.capacity = options.staging_capacity = 16LL << random() % 2;
  options.policy = policy;
  const u64 messages = 1'000 + random() % 3'000;
  options.dead_letters = std::int64_t(messages);
  const auto echo = runtime.launch("echo", "", options);
  echo->activate();
  Streams received(plan, part, {messages}), letters(plan, part, {messages});
  u32 sent_all = 0;
  u64 dropped_new = 0;
  std::thread sender = thread(plan, [&] {
    for (u64 i = 0; i < messages; ++i) {
      const Body body(0, i);
      dropped_new += !echo->send(envelope_of_any(), {body.data, body.bytes}, "");
    }
    atomic::exchange_seq_cst(&sent_all, 1U);  // SYNC: partner below: nothing more is dropped then
  });
  Message message;
  auto take = [&] {
    if (!echo->receive(&message, Wait::seconds(0.001))) return false;
    received.see(message.body.data(), message.body.size(), Order::kRising);
    disturb(*echo, random);
    return true;
  };
  // SYNC: partner the sender: what it dropped before is in the letters.
  while (!atomic::load_seq_cst(&sent_all)) {
    take();
    if (random() % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
  }
  sender.join();
  u64 oldest = 0;
  for (const auto& letter : echo->dead_letters().list(true)) {
    const bool is_oldest = letter->reason == LetterReason::kDropOldest;
    if (!is_oldest && letter->reason != LetterReason::kDropNew)
      wrong(plan, std::string(part) + ": a letter of another reason: " + letter->error);
    oldest += is_oldest;
    letters.see(letter->body.data(), letter->body.size(), is_oldest ? Order::kAny : Order::kRising);
    received.see_letter(letter->body.data(), letter->body.size());
  }
  const std::int64_t limit = now_ns() + std::int64_t(kPatience * 1e9);
  while (received.count() < messages) {
    if (!take() && now_ns() > limit) received.check_all();
  }
  received.check_all();
  end(plan, *echo);
  const Telemetry counted = echo->telemetry();
  check_count(plan, part, counted.mailbox.dropped_new, dropped_new);
  check_count(plan, part, counted.mailbox.dropped_oldest, oldest);
  check_count(plan, part, letters.count(), dropped_new + oldest);
  return messages;
}

}  // namespace

u64 drop_new(const Plan& plan, Runtime& runtime, Random& random) {
  return drops(plan, runtime, random, Backpressure::kDropNew, "drop_new");
}

u64 drop_oldest(const Plan& plan, Runtime& runtime, Random& random) {
  return drops(plan, runtime, random, Backpressure::kDropOldest, "drop_oldest");
}

}  // namespace ringway::soak
