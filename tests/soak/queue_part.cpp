#include <mutex>
#include <thread>

#include "core/queue_table.h"
#include "parts.h"
#include "streams.h"

namespace ringway::soak {

using Side = NamedQueue::Side;

u64 named_queue(const Plan& plan, Runtime& runtime, Random& random) {
  constexpr const char* kPart = "named queues";
  constexpr Backpressure kPolicies[] = {Backpressure::kBlock, Backpressure::kDropNew,
                                        Backpressure::kDropOldest};
  const u64 senders = 1 + random() % 3, receivers = 1 + random() % 3, each = 1'000 + random() % 10'000;
  NamedQueueOptions options;
  options.type.content = Content::kBytes;
  options.capacity = 16LL << random() % 8;
  options.max_message = kMostBody;
  options.policy = kPolicies[random() % 3];
  options.dead_letters = std::int64_t(senders * each);
  const bool blocks = options.policy == Backpressure::kBlock;
  const auto queue = runtime.open_queue(options);

  const std::vector<u64> lengths(senders, each);
  Streams all(plan, kPart, lengths);
  std::mutex seeing;
  std::vector<std::thread> sending, receiving;
  for (u64 stream = 0; stream < senders; ++stream) {
    sending.push_back(thread(plan, [&, stream] {
      for (u64 i = 0; i < each; ++i) {
        const Body body(stream, i);
        queue->send({{body.data, body.bytes}}, queue->patience(kPatience));
      }
    }));
  }
  // Of one receiver without drops all in order, of several each what it gets in order.
  const Order order = blocks && receivers == 1 ? Order::kExact : Order::kRising;
  for (u64 i = 0; i < receivers; ++i) {
    receiving.push_back(thread(plan, [&] {
      Streams mine(plan, kPart, lengths);
      std::vector<u8> message;
      for (;;) {
        try {
          if (!queue->wait(Side::kReceive, patience(), [&] { return queue->try_receive(&message); }))
            wrong(plan, std::string(kPart) + ": no message and no end");
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::kClosed) throw;
          return;
        }
        mine.see(message.data(), message.size(), order);
        std::lock_guard lock(seeing);
        all.see_letter(message.data(), message.size());
      }
    }));
  }
  for (std::thread& sender : sending) sender.join();
  queue->close(false);
  for (std::thread& receiver : receiving) receiver.join();
  for (const auto& letter : queue->dead_letters().list(true))
    all.see_letter(letter->body.data(), letter->body.size());
  all.check_all();
  return all.count();
}

}  // namespace ringway::soak
