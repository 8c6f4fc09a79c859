// Adapters: one producer's and one consumer's end of each queue. push and pop say whether they did; the bulk forms say
// how many.
#pragma once
#include <atomic_queue/atomic_queue.h>
#include <concurrentqueue.h>
#include <readerwriterqueue.h>
#include <rigtorp/MPMCQueue.h>
#include <rigtorp/SPSCQueue.h>

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

namespace bench {

template <class M>
struct RigtorpSpsc {
  rigtorp::SPSCQueue<M> queue;
  explicit RigtorpSpsc(std::size_t capacity) : queue(capacity) {}
  bool push(const M& m) { return queue.try_push(m); }
  bool pop(M& m) {
    M* front = queue.front();
    if (!front) return false;
    m = *front;
    queue.pop();
    return true;
  }
};
template <class M>
struct RigtorpMpmc {
  rigtorp::MPMCQueue<M> queue;
  explicit RigtorpMpmc(std::size_t capacity) : queue(capacity) {}
  bool push(const M& m) { return queue.try_push(m); }
  bool pop(M& m) { return queue.try_pop(m); }
};
template <class M>
struct Moodycamel {
  moodycamel::ConcurrentQueue<M> queue;
  explicit Moodycamel(std::size_t capacity) : queue(capacity) {}
  bool push(const M& m) { return queue.try_enqueue(m); }
  bool pop(M& m) { return queue.try_dequeue(m); }
  std::size_t push_bulk(const M* m, std::size_t n) { return queue.try_enqueue_bulk(m, n) ? n : 0; }
  std::size_t pop_bulk(M* m, std::size_t n) { return queue.try_dequeue_bulk(m, n); }
};
template <class M>
struct MoodycamelSpsc {
  moodycamel::ReaderWriterQueue<M> queue;
  explicit MoodycamelSpsc(std::size_t capacity) : queue(capacity) {}
  bool push(const M& m) { return queue.try_enqueue(m); }
  bool pop(M& m) { return queue.try_dequeue(m); }
};
template <class M>
struct BoostSpsc {
  boost::lockfree::spsc_queue<M> queue;
  explicit BoostSpsc(std::size_t capacity) : queue(capacity) {}
  bool push(const M& m) { return queue.push(m); }
  bool pop(M& m) { return queue.pop(m); }
};
template <class M>
struct BoostMpmc {
  boost::lockfree::queue<M> queue;
  explicit BoostMpmc(std::size_t capacity) : queue(capacity) {}
  bool push(const M& m) { return queue.bounded_push(m); }
  bool pop(M& m) { return queue.pop(m); }
};
// Its fast form, which waits inside push and pop; kTry for its form that does not.
template <class M, unsigned kCapacity, bool kSpsc, bool kTry>
struct AtomicQueue {
  atomic_queue::AtomicQueue2<M, kCapacity, true, true, false, kSpsc> queue;
  explicit AtomicQueue(std::size_t) {}
  bool push(const M& m) {
    if (kTry) return queue.try_push(m);
    queue.push(m);
    return true;
  }
  bool pop(M& m) {
    if (kTry) return queue.try_pop(m);
    m = queue.pop();
    return true;
  }
};

}  // namespace bench
