#include "core/pump.h"

#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/log.h"

namespace ringway {

using atomic::exchange_seq_cst;
using atomic::load_relaxed;
using atomic::load_seq_cst;

namespace {

constexpr u32 kSpinsBeforePark = 400;
constexpr u32 kSpinsBeforeYield = 16;  // whoever waits for what was copied may need this core
constexpr std::int64_t kLong = 3'600'000'000'000;

}  // namespace

Pump::~Pump() {
  stop();
  // A list of shared pointers, let go one by one: a long one would end in a deep recursion.
  while (next()) {
  }
}

void Pump::start() {
  std::lock_guard lock(starting_);
  if (thread_.joinable()) return;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorKind::kInvalidState,
                std::string("the thread of the bridges cannot be started: ") + error.what());
  }
}

void Pump::stop() {
  std::lock_guard lock(starting_);
  // SYNC: partner load_seq_cst in sleep(), which looks after it said it sleeps.
  exchange_seq_cst(&stop_, 1U);
  if (!thread_.joinable()) return;
  exchange_seq_cst(&sleeping_, 0U);  // SYNC: partner sleep(): the word it sleeps on
  unpark_one(&sleeping_);
  thread_.join();
}

void Pump::wake(Bridge& bridge) {
  // SYNC: partner exchange_seq_cst in run(): what was published before is seen there, or the mark is found cleared.
  if (exchange_seq_cst(&bridge.scheduled_, 1U)) return;
  append(bridge.shared_from_this());
  // SYNC: partner sleep(): it sees the list's length, or this sees that it sleeps.
  if (load_seq_cst(&sleeping_) && exchange_seq_cst(&sleeping_, 0U)) unpark_one(&sleeping_);
}

void Pump::append(std::shared_ptr<Bridge> bridge) {
  std::lock_guard lock(listing_);
  Bridge* const added = bridge.get();
  (last_ ? last_->next_ : first_) = std::move(bridge);
  last_ = added;
  exchange_seq_cst(&woken_, woken_ + 1);  // SYNC: partner sleep(), see wake()
}

std::shared_ptr<Bridge> Pump::next() {
  if (!load_relaxed(&woken_)) return nullptr;
  std::lock_guard lock(listing_);
  if (!first_) return nullptr;
  std::shared_ptr<Bridge> taken = std::move(first_);
  first_ = std::move(taken->next_);
  if (!first_) last_ = nullptr;
  atomic::store_relaxed(&woken_, woken_ - 1);
  return taken;
}

void Pump::run() {
  log::debug({"bridges"}, [] { return std::string("the thread of the bridges runs"); });
  u32 spins = 0;
  // SYNC: partner stop(); only the flag matters.
  while (!load_seq_cst(&stop_)) {
    if (const auto bridge = next()) {
      spins = 0;
      // SYNC: partner exchange_seq_cst in wake(): a move that the turn below misses finds the mark cleared.
      exchange_seq_cst(&bridge->scheduled_, 0U);
      if (bridge->turn()) wake(*bridge);  // behind the others
    } else if (++spins < kSpinsBeforePark) {
      spins % kSpinsBeforeYield ? atomic::relax() : std::this_thread::yield();
    } else {
      spins = 0;
      sleep();
    }
  }
}

void Pump::sleep() {
  // SYNC: partner wake() and stop(): they see that this sleeps, or this sees what they left.
  exchange_seq_cst(&sleeping_, 1U);
  if (!load_seq_cst(&woken_) && !load_seq_cst(&stop_)) {  // SYNC: as above
    atomic::count(&sleeps_, 1);
    park(&sleeping_, 1, kLong);
  }
  exchange_seq_cst(&sleeping_, 0U);  // SYNC: none needed; a wake too many is harmless
}

}  // namespace ringway
