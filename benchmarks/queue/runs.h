// The runs: throughput and latency of any queue with push and pop, and of ringway's in its own ways.
#pragma once
#include <algorithm>
#include <memory>

#include "harness.h"
#include "own.h"

namespace bench {

// Whether a turn that found no room or no message gives its core away: it must when there are more threads than cores.
inline void idle(bool crowded) {
  if (crowded) std::this_thread::yield();
}
inline std::uint64_t sum_to(std::uint64_t n) {
  return n * (n - 1) / 2;
}

// M messages/s of P producers and C consumers with singles, every message checked.
template <class Q, class M>
double throughput(const char* name, std::size_t capacity, std::uint64_t each, int producers, int consumers) {
  auto queue = std::make_unique<Q>(capacity);
  const std::uint64_t total = each * std::uint64_t(producers);
  const bool crowded = producers + consumers > 2;
  std::atomic<std::uint64_t> sum{0}, wrong{0};
  std::vector<std::function<void()>> bodies;
  for (int i = 0; i < std::max(producers, consumers); ++i) {
    if (i < producers) {
      bodies.push_back([&] {
        M message;
        for (std::uint64_t n = 0; n < each; ++n) {
          fill(message.words, M::kWords, n);
          while (!queue->push(message)) idle(crowded);
        }
      });
    }
    if (i < consumers) {
      bodies.push_back([&] {
        M message;
        std::uint64_t own = 0, bad = 0;
        for (std::uint64_t n = 0; n < total / std::uint64_t(consumers); ++n) {
          while (!queue->pop(message)) idle(crowded);
          own += read(message.words, M::kWords, &bad);
        }
        sum += own;
        wrong |= bad;
      });
    }
  }
  const double seconds = run_threads(bodies);
  demand(!wrong && sum == sum_to(each) * std::uint64_t(producers), name);
  return double(total) / seconds / 1e6;
}

// The same with a peer's bulk calls.
template <class Q, class M, std::size_t kBatch>
double bulk_throughput(const char* name, std::size_t capacity, std::uint64_t each, int producers,
                       int consumers) {
  auto queue = std::make_unique<Q>(capacity);
  const std::uint64_t total = each * std::uint64_t(producers);
  const bool crowded = producers + consumers > 2;
  std::atomic<std::uint64_t> sum{0}, wrong{0}, left{total};
  std::vector<std::function<void()>> bodies;
  for (int i = 0; i < std::max(producers, consumers); ++i) {
    if (i < producers) {
      bodies.push_back([&] {
        M messages[kBatch];
        for (std::uint64_t n = 0; n < each;) {
          const std::size_t most = std::size_t(std::min<std::uint64_t>(kBatch, each - n));
          for (std::size_t k = 0; k < most; ++k) fill(messages[k].words, M::kWords, n + k);
          for (std::size_t done = 0; done < most;) {
            const std::size_t now_done = queue->push_bulk(messages + done, most - done);
            done += now_done;
            if (!now_done) idle(crowded);
          }
          n += most;
        }
      });
    }
    if (i < consumers) {
      bodies.push_back([&] {
        M messages[kBatch];
        std::uint64_t own = 0, bad = 0;
        while (left.load(std::memory_order_relaxed)) {
          const std::size_t got = queue->pop_bulk(messages, kBatch);
          for (std::size_t k = 0; k < got; ++k) own += read(messages[k].words, M::kWords, &bad);
          if (got) {
            left.fetch_sub(got, std::memory_order_relaxed);
          } else {
            idle(crowded);
          }
        }
        sum += own;
        wrong |= bad;
      });
    }
  }
  const double seconds = run_threads(bodies);
  demand(!wrong && sum == sum_to(each) * std::uint64_t(producers), name);
  return double(total) / seconds / 1e6;
}

// ringway, copying: the handle lives on the thread's stack.
template <class M, bool kShared>
double own_copied(const char* name, ringway::u32 capacity, std::uint64_t each, int producers, int consumers) {
  OwnMemory memory(capacity, sizeof(M));
  const std::uint64_t total = each * std::uint64_t(producers);
  const bool crowded = producers + consumers > 2;
  std::atomic<std::uint64_t> sum{0}, wrong{0};
  std::vector<std::function<void()>> bodies;
  for (int i = 0; i < std::max(producers, consumers); ++i) {
    if (i < producers) {
      bodies.push_back([&] {
        auto producer = open<Producer<kShared>>(memory);
        M message;
        for (std::uint64_t n = 0; n < each; ++n) {
          fill(message.words, M::kWords, n);
          while (
              !producer.push(reinterpret_cast<const ringway::u32*>(message.words), ringway::u32(sizeof(M)))) {
            idle(crowded);
          }
        }
      });
    }
    if (i < consumers) {
      bodies.push_back([&] {
        auto consumer = open<Consumer<kShared>>(memory);
        M message;
        std::uint64_t own = 0, bad = 0;
        for (std::uint64_t n = 0; n < total / std::uint64_t(consumers); ++n) {
          while (consumer.template pop<sizeof(M)>(reinterpret_cast<ringway::u32*>(message.words)) < 0)
            idle(crowded);
          own += read(message.words, M::kWords, &bad);
        }
        sum += own;
        wrong |= bad;
      });
    }
  }
  const double seconds = run_threads(bodies);
  demand(!wrong && sum == sum_to(each) * std::uint64_t(producers), name);
  return double(total) / seconds / 1e6;
}

// ringway, by batches: written in place; read in place, or copied out first.
template <class M, bool kShared, bool kCopyOut>
double own_in_place(const char* name, ringway::u32 capacity, std::uint64_t each, ringway::u32 batch,
                    int producers, int consumers) {
  OwnMemory memory(capacity, sizeof(M));
  const std::uint64_t total = each * std::uint64_t(producers);
  const bool crowded = producers + consumers > 2;
  std::atomic<std::uint64_t> sum{0}, wrong{0}, left{total};
  std::vector<std::function<void()>> bodies;
  for (int i = 0; i < std::max(producers, consumers); ++i) {
    if (i < producers) {
      bodies.push_back([&] {
        auto producer = open<Producer<kShared>>(memory);
        for (std::uint64_t n = 0; n < each;) {
          const auto claim = producer.reserve(ringway::u32(std::min<std::uint64_t>(batch, each - n)));
          for (ringway::u32 k = 0; k < claim.count; ++k)
            fill(words_at(producer.ring, claim.first + k), M::kWords, n + k);
          if (claim.count) {
            producer.publish_n(claim, ringway::u32(sizeof(M)));
          } else {
            idle(crowded);
          }
          n += claim.count;
        }
      });
    }
    if (i < consumers) {
      bodies.push_back([&] {
        auto consumer = open<Consumer<kShared>>(memory);
        M copy;
        std::uint64_t own = 0, bad = 0, got = 0;
        while (kShared ? left.load(std::memory_order_relaxed) != 0 : got < total) {
          const auto claim = consumer.peek(batch);
          for (ringway::u32 k = 0; k < claim.count; ++k) {
            const std::uint64_t* words = words_at(consumer.ring, claim.first + k);
            if (kCopyOut) {
              std::memcpy(copy.words, words, sizeof(M));
              words = copy.words;
            }
            own += read(words, M::kWords, &bad);
            consumer.release(claim.first + k);
          }
          if (!claim.count) {
            idle(crowded);
            continue;
          }
          got += claim.count;
          if (kShared) left.fetch_sub(claim.count, std::memory_order_relaxed);
        }
        sum += own;
        wrong |= bad;
      });
    }
  }
  const double seconds = run_threads(bodies);
  demand(!wrong && sum == sum_to(each) * std::uint64_t(producers), name);
  return double(total) / seconds / 1e6;
}

// Nanoseconds one way: half of a round trip over two queues of the kind. What a side finds wrong it keeps to itself to the
// end: a word that both write for each message would cost more than the message.
template <class Q, class M>
double one_way(const char* name, std::size_t capacity, std::uint64_t trips) {
  auto there = std::make_unique<Q>(capacity), back = std::make_unique<Q>(capacity);
  std::uint64_t wrong = 0;
  const double seconds = run_threads({[&] {
                                        M message;
                                        std::uint64_t bad = 0;
                                        for (std::uint64_t n = 0; n < trips; ++n) {
                                          fill(message.words, M::kWords, n);
                                          while (!there->push(message)) {
                                          }
                                          while (!back->pop(message)) {
                                          }
                                          bad |= read(message.words, M::kWords, &bad) ^ n;
                                        }
                                        wrong = bad;
                                      },
                                      [&] {
                                        M message;
                                        for (std::uint64_t n = 0; n < trips; ++n) {
                                          while (!there->pop(message)) {
                                          }
                                          while (!back->push(message)) {
                                          }
                                        }
                                      }});
  demand(!wrong, name);
  return seconds / double(trips) / 2 * 1e9;
}

// The same over two slot queues: a side owns its next slot before it has something to say, and releases what it heard
// after it has answered, so that one line crosses each way.
template <class M>
double own_one_way(const char* name, ringway::u32 capacity, std::uint64_t trips) {
  OwnMemory there(capacity, sizeof(M)), back(capacity, sizeof(M));
  std::atomic<std::uint64_t> wrong{0};
  const auto side = [&](const OwnMemory& out, const OwnMemory& in, bool asks) {
    auto producer = open<Producer<false>>(out);
    auto consumer = open<Consumer<false>>(in);
    ringway::Claim<Atomics> mine = producer.reserve(1), theirs{0, 0};
    const auto say = [&](std::uint64_t n) {
      fill(words_at(producer.ring, mine.first), M::kWords, n);
      producer.publish(mine.first, ringway::u32(sizeof(M)), 0);
      if (theirs.count) consumer.release_n(theirs);
      while (!(mine = producer.reserve(1)).count) {
      }
    };
    std::uint64_t bad = 0;
    const auto hear = [&] {
      while (!(theirs = consumer.peek(1)).count) {
      }
      return read(words_at(consumer.ring, theirs.first), M::kWords, &bad);
    };
    for (std::uint64_t n = 0; n < trips; ++n) {
      if (asks) {
        say(n);
        bad |= hear() ^ n;
      } else {
        say(hear());
      }
    }
    wrong |= bad;
  };
  const double seconds = run_threads({[&] { side(there, back, true); }, [&] { side(back, there, false); }});
  demand(!wrong, name);
  return seconds / double(trips) / 2 * 1e9;
}

// A request of 48 bytes and its reply through one call cell.
inline double cell_one_way(const char* name, std::uint64_t trips) {
  auto cell = std::make_unique<ringway::CallCell<Atomics>>();
  ringway::create_cell<Atomics>(cell.get());
  const std::size_t count = ringway::kCellPayload / 8;
  std::atomic<std::uint64_t> wrong{0};
  const double seconds =
      run_threads({[&] {
                     ringway::Caller<Atomics> caller;
                     caller.open(cell.get());
                     auto* words = reinterpret_cast<std::uint64_t*>(ringway::raw_payload(caller.slot()));
                     std::uint64_t bad = 0;
                     for (std::uint64_t n = 0; n < trips; ++n) {
                       fill(words, count, n);
                       caller.ask(ringway::kCellPayload, 0);
                       while (!caller.answered()) {
                       }
                       bad |= read(words, count, &bad) ^ (n + 1);
                     }
                     wrong |= bad;
                   },
                   [&] {
                     ringway::Callee<Atomics> callee;
                     callee.open(cell.get());
                     auto* words = reinterpret_cast<std::uint64_t*>(ringway::raw_payload(callee.slot()));
                     std::uint64_t bad = 0;
                     for (std::uint64_t n = 0; n < trips; ++n) {
                       while (!callee.asked()) {
                       }
                       fill(words, count, read(words, count, &bad) + 1);
                       callee.answer(ringway::kCellPayload, 0);
                     }
                     wrong |= bad;
                   }});
  demand(!wrong, name);
  return seconds / double(trips) / 2 * 1e9;
}

// The floor: one word each way and nothing else, on two lines or sharing one.
inline double floor_one_way(bool shared_line, std::uint64_t trips) {
  struct alignas(256) Words {
    std::atomic<std::uint64_t> words[32];
  };
  auto memory = std::make_unique<Words>();
  std::atomic<std::uint64_t>&there = memory->words[0], &back = memory->words[shared_line ? 1 : 16];
  const double seconds = run_threads({[&] {
                                        for (std::uint64_t n = 1; n <= trips; ++n) {
                                          there.store(n, std::memory_order_release);
                                          while (back.load(std::memory_order_acquire) != n) {
                                          }
                                        }
                                      },
                                      [&] {
                                        for (std::uint64_t n = 1; n <= trips; ++n) {
                                          while (there.load(std::memory_order_acquire) != n) {
                                          }
                                          back.store(n, std::memory_order_release);
                                        }
                                      }});
  return seconds / double(trips) / 2 * 1e9;
}

}  // namespace bench
