// Threads on cores of their own, a common start, messages whose every byte is checked, and results by contestant.
#pragma once
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Core 0 or 1 of those this process may use.
inline void pin(int which) {
  static const std::vector<int> cores = [] {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    std::vector<int> list;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &allowed)) list.push_back(core);
    }
    return list;
  }();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cores[std::size_t(which) % cores.size()], &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

// Every 8-byte word follows from the message's number, and is read and compared on arrival.
template <std::size_t kBytes>
struct Message {
  static constexpr std::size_t kWords = kBytes / 8;
  std::uint64_t words[kWords];
};
inline void fill(std::uint64_t* words, std::size_t count, std::uint64_t number) {
  for (std::size_t i = 0; i < count; ++i) words[i] = number + i;
}
// The number, and in `wrong` the words that do not follow from it.
inline std::uint64_t read(const std::uint64_t* words, std::size_t count, std::uint64_t* wrong) {
  const std::uint64_t number = words[0];
  std::uint64_t differ = 0;
  for (std::size_t i = 1; i < count; ++i) differ |= words[i] ^ (number + i);
  *wrong |= differ;
  return number;
}

// A failure ends the run: a figure of messages that did not arrive is worth nothing.
inline void demand(bool held, const char* contestant) {
  if (held) return;
  std::fprintf(stderr, "%s: lost, repeated or damaged messages\n", contestant);
  std::exit(1);
}

class StartLine {
 public:
  explicit StartLine(int threads) : missing_(threads) {}
  void wait() {
    missing_.fetch_sub(1);
    while (missing_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  }

 private:
  std::atomic<int> missing_;
};

// Runs bodies 0 .. n-1 on a thread each, body i pinned to core i modulo 2; seconds from the common start to the end.
inline double run_threads(const std::vector<std::function<void()>>& bodies) {
  StartLine line(int(bodies.size()));
  std::vector<double> begin(bodies.size()), end(bodies.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    threads.emplace_back([&, i] {
      pin(int(i));
      line.wait();
      begin[i] = now();
      bodies[i]();
      end[i] = now();
    });
  }
  for (auto& thread : threads) thread.join();
  double first = begin[0], last = end[0];
  for (std::size_t i = 1; i < bodies.size(); ++i) {
    first = begin[i] < first ? begin[i] : first;
    last = end[i] > last ? end[i] : last;
  }
  return last - first;
}

struct Sample {
  double value;
  double before, after;  // ns that a word took between the two cores, just before and just after
};

struct Contestant {
  std::string what, name, unit;
  std::function<double()> run;
  std::vector<Sample> samples;
};

}  // namespace bench
