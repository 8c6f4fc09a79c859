// Parked threads meet at one of a few condition variables, chosen by the word's address.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "core/wait.h"

namespace ringway {
namespace {

struct Place {
  std::mutex mutex;
  std::condition_variable changed;
};

Place& place_of(const u32* word) {
  constexpr std::size_t kPlaces = 64;
  static auto* places = new Place[kPlaces];  // never freed: threads may park while the process exits
  return places[reinterpret_cast<std::uintptr_t>(word) / sizeof(u32) % kPlaces];
}

}  // namespace

std::int64_t coarse_now_ns() {
  return now_ns();
}

void park(const u32* word, u32 expected, std::int64_t timeout_ns) {
  if (timeout_ns <= 0) return;
  Place& place = place_of(word);
  std::unique_lock lock(place.mutex);
  // SYNC: partner the waker's store before unpark; the mutex keeps it from falling between look and sleep.
  if (atomic::load_seq_cst(word) != expected) return;
  place.changed.wait_for(lock, std::chrono::nanoseconds(timeout_ns));
}

void unpark_all(const u32* word) {
  Place& place = place_of(word);
  {
    std::lock_guard lock(place.mutex);
  }
  place.changed.notify_all();
}

// Others may sleep at the same place, so all are woken.
void unpark_one(const u32* word) {
  unpark_all(word);
}

}  // namespace ringway
