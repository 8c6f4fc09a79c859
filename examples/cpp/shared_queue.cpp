// Sends prices to a shared queue, or receives them: the C++ side of docs/shared_queues.md.
//
//   shared_queue create NAME          makes the queue, as rw.Queue.create_shared(NAME, Price) does
//   shared_queue send NAME COUNT      sends COUNT prices
//   shared_queue receive NAME COUNT   receives COUNT and prints the sum of their volumes
//   shared_queue remove NAME          removes the queue once no process is attached
#include "core/shared_queue.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "core/type_id.h"

namespace {

// As the class in Python: @rw.message(layout="struct") class Price, with two i32 and one f64.
struct Price {
  int instrument;
  int volume;
  double price;
};
constexpr double kPatience = 10;  // seconds

using Queue = std::shared_ptr<ringway::SharedQueue>;

Queue create(const std::string& name) {
  ringway::NamedQueueOptions options;
  options.name = name;
  options.type = {ringway::Content::kMessage, "Price", ringway::type_id_of("Price"), sizeof(Price)};
  options.max_message = sizeof(Price);
  return ringway::SharedQueue::create(options);
}

Queue attach(const std::string& name) {
  Queue queue = ringway::SharedQueue::attach(name);
  // What it carries is for the program to compare with what it expects.
  if (queue->type().name != "Price" || queue->type().fixed_size != sizeof(Price)) {
    throw ringway::Error(ringway::ErrorKind::kTypeMismatch, "queue '" + name + "' carries no prices");
  }
  return queue;
}

void send(const Queue& queue, int count) {
  for (int i = 0; i < count; ++i) {
    const Price price{7, i, 2.5};
    queue->send({{&price, sizeof(price)}}, queue->patience(kPatience));
  }
}

long long receive(const Queue& queue, int count) {
  long long volume = 0;
  std::vector<ringway::u8> message;
  for (int i = 0; i < count; ++i) {
    const bool received = queue->wait(ringway::NamedQueue::Side::kReceive, ringway::Wait::seconds(kPatience),
                                      [&] { return queue->try_receive(&message); });
    if (!received) throw ringway::Error(ringway::ErrorKind::kTimeout, "no price came" + queue->held_up());
    Price price{};
    if (message.size() == sizeof(price)) std::memcpy(&price, message.data(), sizeof(price));
    volume += price.volume;
  }
  return volume;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string verb = count > 2 ? arguments[1] : "";
  try {
    if (verb == "create" && count == 3) {
      create(arguments[2]);
    } else if (verb == "send" && count == 4) {
      send(attach(arguments[2]), std::atoi(arguments[3]));
    } else if (verb == "receive" && count == 4) {
      std::printf("%lld\n", receive(attach(arguments[2]), std::atoi(arguments[3])));
    } else if (verb == "remove" && count == 3) {
      ringway::remove_shared_queue(arguments[2]);
    } else {
      std::fputs("usage: shared_queue create|remove NAME | send NAME COUNT | receive NAME COUNT\n", stderr);
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shared_queue: %s\n", error.what());
    return 1;
  }
  return 0;
}
