#include "core/selftest.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "core/queue.h"
#include "ringway/call_cell.h"

namespace ringway {
namespace {

using Atomics = QueueAtomics;
using Clock = std::chrono::steady_clock;

constexpr u32 kWords = 7;  // of 8 bytes: what a 64-byte slot holds beside its header
constexpr u32 kSpinsBeforeYield = 1u << 14;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Calls `attempt` until it succeeds; gives the core away now and then, in case the other thread has none.
template <class Attempt>
void spin(Attempt attempt) {
  for (u32 spins = 0; !attempt(); ++spins) {
    if (spins % kSpinsBeforeYield == kSpinsBeforeYield - 1) std::this_thread::yield();
  }
}

Queue queue_of(u32 capacity) {
  QueueOptions options;
  options.name = "self-test";
  options.capacity = capacity;
  options.max_message = kWords * 8;
  return Queue(std::move(options));
}

template <class Side>
Side open(Ring<Atomics> ring) {
  Side side;
  side.open(ring);
  return side;
}

void write_message(u8* to, u64 number) {
  u64 words[kWords];
  for (u32 i = 0; i < kWords; ++i) words[i] = number + i;
  std::memcpy(to, words, sizeof(words));
}

bool is_message(const u8* from, u64 number) {
  u64 words[kWords];
  std::memcpy(words, from, sizeof(words));
  u64 difference = 0;
  for (u32 i = 0; i < kWords; ++i) difference |= words[i] ^ (number + i);
  return difference == 0;
}

void send_all(Ring<Atomics> ring, u32 messages, u32 batch) {
  auto producer = open<Producer<Atomics, false>>(ring);
  for (u32 sent = 0; sent < messages;) {
    Claim<Atomics> claim{};
    spin([&] {
      claim = producer.reserve(std::min(batch, messages - sent));
      return claim.count != 0;
    });
    for (u32 i = 0; i < claim.count; ++i) write_message(payload_at(ring, claim.first + i), sent + i);
    producer.publish_n(claim, kWords * 8);
    sent += claim.count;
  }
}

u64 receive_all(Ring<Atomics> ring, u32 messages, u32 batch) {
  auto consumer = open<Consumer<Atomics, false>>(ring);
  u64 wrong = 0;
  for (u32 received = 0; received < messages;) {
    Claim<Atomics> claim{};
    spin([&] {
      claim = consumer.peek(batch);
      return claim.count != 0;
    });
    for (u32 i = 0; i < claim.count; ++i)
      wrong += !is_message(payload_at(ring, claim.first + i), received + i);
    consumer.release_n(claim);
    received += claim.count;
  }
  return wrong;
}

// Runs `answer(i)` on a second thread while this one runs `ask(i)`, for each round trip, after one that
// starts both.
template <class Ask, class Answer>
double one_way_ns(u32 round_trips, Ask ask, Answer answer) {
  std::thread other([&] {
    for (u32 i = 0; i <= round_trips; ++i) answer(i);
  });
  ask(0);
  auto start = Clock::now();
  for (u32 i = 1; i <= round_trips; ++i) ask(i);
  double seconds = seconds_since(start);
  other.join();
  return seconds * 1e9 / (2.0 * round_trips);
}

// A sender that owns its next slot before it has something to say, so that the slot's line is already in its
// cache then: the way from thread to thread is one line, not three.
class EagerSender {
 public:
  explicit EagerSender(Ring<Atomics> ring) : ring_(ring), producer_(open<Producer<Atomics, false>>(ring)) {
    reserve();
  }

  void send(u64 number) {
    write_message(payload_at(ring_, claim_.first), number);
    producer_.publish(claim_.first, kWords * 8, 0);
    reserve();
  }

 private:
  void reserve() {
    spin([&] {
      claim_ = producer_.reserve(1);
      return claim_.count != 0;
    });
    write_message(payload_at(ring_, claim_.first), 0);
  }

  Ring<Atomics> ring_;
  Producer<Atomics, false> producer_;
  Claim<Atomics> claim_{};
};

// A receiver that releases a slot after it has answered: stores leave a core in order, and the answer must
// not wait for the line that the release takes back.
class LateReleaser {
 public:
  explicit LateReleaser(Ring<Atomics> ring) : ring_(ring), consumer_(open<Consumer<Atomics, false>>(ring)) {}

  u64 receive() {
    spin([&] {
      claim_ = consumer_.peek(1);
      return claim_.count != 0;
    });
    u64 number;
    std::memcpy(&number, payload_at(ring_, claim_.first), sizeof(number));
    return number;
  }

  void release() {
    if (claim_.count) consumer_.release_n(claim_);
  }

 private:
  Ring<Atomics> ring_;
  Consumer<Atomics, false> consumer_;
  Claim<Atomics> claim_{};
};

struct alignas(kIndexLine) WordPair {
  Atomics::Slot there;
  Atomics::Slot back;
};

}  // namespace

ThroughputRun queue_throughput(std::uint32_t messages, std::uint32_t batch) {
  Queue queue = queue_of(4096);
  Ring<Atomics> ring = queue.ring();
  auto start = Clock::now();
  std::thread producer([&] { send_all(ring, messages, batch); });
  u64 wrong = receive_all(ring, messages, batch);
  double seconds = seconds_since(start);
  producer.join();
  return {seconds, wrong};
}

double queue_one_way_ns(std::uint32_t round_trips) {
  Queue there = queue_of(kMinCapacity);
  Queue back = queue_of(kMinCapacity);
  EagerSender asker(there.ring());
  EagerSender answerer(back.ring());
  LateReleaser listener(there.ring());
  LateReleaser hearer(back.ring());
  return one_way_ns(
      round_trips,
      [&](u32 i) {
        asker.send(i);
        hearer.release();
        hearer.receive();
      },
      [&](u32) {
        answerer.send(listener.receive());
        listener.release();
      });
}

double cell_one_way_ns(std::uint32_t round_trips) {
  auto cell = std::make_unique<CallCell<Atomics>>();
  create_cell(cell.get());
  Caller<Atomics> caller;
  Callee<Atomics> callee;
  caller.open(cell.get());
  callee.open(cell.get());
  u32* payload_words = raw_payload(caller.slot());
  return one_way_ns(
      round_trips,
      [&](u32 i) {
        std::memcpy(payload_words, &i, sizeof(i));
        caller.ask(sizeof(i), 0);
        spin([&] { return caller.answered(); });
      },
      [&](u32) {
        spin([&] { return callee.asked(); });
        u32 number;
        std::memcpy(&number, payload_words, sizeof(number));
        ++number;
        std::memcpy(payload_words, &number, sizeof(number));
        callee.answer(sizeof(number), 0);
      });
}

double floor_one_way_ns(std::uint32_t round_trips, bool shared_line) {
  auto pairs = std::make_unique<WordPair[]>(2);
  Atomics::Slot* there = &pairs[0].there;
  Atomics::Slot* back = shared_line ? &pairs[0].back : &pairs[1].back;
  Atomics::store_slot(there, 0, 0);
  Atomics::store_slot(back, 0, 0);
  auto wait_for = [](Atomics::Slot* word, u32 number) {
    // SYNC: partner the store_publish of the other thread; only the number itself is read.
    spin([&] { return u32(Atomics::load_ready(word)) == number; });
  };
  return one_way_ns(
      round_trips,
      [&](u32 i) {
        Atomics::store_publish(there, i + 1, 0);  // SYNC: partner load_ready in wait_for of the other thread
        wait_for(back, i + 1);
      },
      [&](u32 i) {
        wait_for(there, i + 1);
        Atomics::store_publish(back, i + 1, 0);  // SYNC: partner load_ready in wait_for of the asking thread
      });
}

void plain_add(const float* a, const float* b, float* out, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
}

void plain_scale(const float* a, float* out, float factor, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) out[i] = a[i] * factor;
}

}  // namespace ringway
