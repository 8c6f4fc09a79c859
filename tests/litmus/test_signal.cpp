// core/wait.h's Signal itself: a waiter that goes to sleep beside a message, and a notifier that saw nobody to wake.
// This program parks threads by its own functions, which come before the library's: a lost wake-up is an outcome here,
// where the library's would sleep it out.
#include "litmus/litmus.h"
#include "litmus/os_parking.h"

namespace ringway {
namespace {

struct alignas(kIndexLine) Meeting {
  Signal signal;
  u32 message = 0;
  u32 notified = 0, woken = 0;
  bool slept = false, lost = false;
};

thread_local Meeting* meeting = nullptr;

}  // namespace

void park(const u32* word, u32 expected, std::int64_t) {
  // SYNC: partner add_seq_cst in Signal::notify(), as in the system's own look at the word.
  if (atomic::load_seq_cst(word) != expected) return;
  meeting->slept = true;
  // SYNC: partner store_release of `notified`: whether it woke somebody.
  while (!atomic::load_acquire(&meeting->notified)) std::this_thread::yield();
  meeting->lost |= !atomic::load_relaxed(&meeting->woken);
}

void unpark_one(const u32* word) {
  unpark_all(word);
}
void unpark_all(const u32*) {
  atomic::store_relaxed(&meeting->woken, 1U);
}

namespace testing {
namespace {

TEST(Signal, ASleeperIsSeenOrSees) {
  const auto seen = outcomes<Meeting>(
      [](Meeting* m) {
        meeting = m;
        atomic::store_release(&m->message, 1U);  // SYNC: partner load_acquire below
        m->signal.notify();
        atomic::store_release(&m->notified, 1U);  // SYNC: partner load_acquire in park()
      },
      [](Meeting* m) {
        meeting = m;
        m->signal.wait({}, [m] { return atomic::load_acquire(&m->message) != 0; });  // SYNC: partner above
      },
      [](const Meeting& m) {
        return std::string(m.lost ? "lost" : m.slept ? "slept" : "awake");
      });
  forbid(seen, "lost", "the waiter sleeps beside a message that is there, and nobody wakes it");
  EXPECT_TRUE(seen.count("slept")) << "no waiter came to sleep: the outcome could not be seen";
}

}  // namespace
}  // namespace testing
}  // namespace ringway
