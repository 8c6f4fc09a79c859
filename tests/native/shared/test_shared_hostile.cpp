// A peer that writes any word at any time: no crash, no access outside of the memory, no call that does not end; only
// documented errors. (Under AddressSanitizer too; what lies behind the memory here is a page that nobody may touch.)
#include <array>
#include <random>
#include <thread>

#include "core/shared_parts.h"
#include "core/shared_system.h"
#include "native/shared/processes.h"

namespace ringway::testing {
namespace {

constexpr double kShort = 0.002;  // s

// Writes numbers of all kinds over the whole memory for as long as the process lives.
void scribble(u8* memory, std::size_t bytes, u32 seed) {
  std::mt19937_64 random(seed);
  auto* const words = reinterpret_cast<u32*>(memory);
  const std::size_t count = bytes / sizeof(u32), header = sizeof(SharedBlock) / sizeof(u32);
  for (;;) {
    // Half of them in the header, a few of them numbers that could be right.
    const std::size_t at = random() % (random() % 2 ? count : header);
    const u64 kind = random() % 4;
    const u32 value = kind == 0   ? u32(random())
                      : kind == 1 ? u32(random() % 64)
                      : kind == 2 ? ~0U
                                  : 1U << random() % 32;
    atomic::store_relaxed(&words[at], value);
    if (random() % 64 == 0) usleep(50);
  }
}

// A page that may not be touched, right behind the queue's last one.
class Guard {
 public:
  explicit Guard(const SharedMemory& memory) {
    const auto page = std::size_t(sysconf(_SC_PAGESIZE));
    u8* const end = memory.data() + (memory.bytes() + page - 1) / page * page;
    at_ = mmap(end, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
               0);  // a hint: something may be there already
    bytes_ = page;
  }
  ~Guard() { munmap(at_, bytes_); }

 private:
  void* at_;
  std::size_t bytes_;
};

bool documented(const Error& error) {
  return error.kind() == ErrorKind::kLayout || error.kind() == ErrorKind::kQueueFull ||
         error.kind() == ErrorKind::kNotFound || error.kind() == ErrorKind::kInvalidState ||
         error.kind() == ErrorKind::kClosed;
}

struct Tally {
  u64 sent = 0, received = 0, refused = 0, wrong = 0;
};

template <class Body>
void attempt(Tally* tally, Body body) {
  try {
    body();
  } catch (const Error& error) {
    documented(error) ? ++tally->refused : ++tally->wrong;
  }
}

void use(SharedQueue& queue, u32 seed, std::int64_t end, Tally* tally) {
  std::mt19937 random(seed);
  const u32 most = queue.max_message();
  std::vector<u8> message(most), records(std::size_t(most) * 8);
  while (now_ns() < end) {
    attempt(tally, [&] {
      switch (random() % 7) {
        case 0: tally->sent += queue.send({{message.data(), most}}, queue.patience(kShort)); break;
        case 1: {
          std::vector<u8> got;
          queue.wait(NamedQueue::Side::kReceive, Wait::seconds(kShort),
                     [&] { return queue.try_receive(&got); });
          tally->received += !got.empty();
          tally->wrong += got.size() > most;
          break;
        }
        case 2: {
          const SlotClaim held = queue.try_reserve(1 + random() % 8);
          std::array<u32, 8> sizes{};
          for (u32 i = 0; i < held.count; ++i) std::memset(queue.payload(held.first + i), 1, sizes[i] = most);
          if (held.count) queue.publish(held, sizes.data(), random() % (held.count + 1));
          tally->wrong += held.count > 8;
          break;
        }
        case 3: {
          const SlotClaim held = queue.try_peek(1 + random() % 8);
          for (u32 i = 0; i < held.count; ++i) {
            const u32 size = queue.size(held.first + i);
            tally->wrong += size > most;
            std::memcpy(message.data(), queue.payload(held.first + i), size);
          }
          if (held.count) queue.release(held);
          break;
        }
        case 4: {
          const NamedCounts counts = queue.counts();
          tally->wrong += counts.depth > queue.queue().ring().capacity;
          static_cast<void>(queue.held_up());
          break;
        }
        case 5: static_cast<void>(inspect_shared_queue(queue.name())); break;
        default: SharedQueue::attach(queue.name(), 0); break;
      }
    });
  }
}

class Hostile : public ::testing::TestWithParam<Backpressure> {};

TEST_P(Hostile, NothingBreaks) {
  const Name name;
  auto queue = SharedQueue::create(options(name, 16, GetParam()));
  const SharedMemory memory = SharedMemory::open(name);
  const Guard guard(memory);
  Child peer([&] { scribble(memory.data(), memory.bytes(), 3); });
  const std::int64_t end = now_ns() + 1'000'000'000;
  Tally first, second;
  std::thread other([&] { use(*queue, 1, end, &first); });
  use(*queue, 2, end, &second);
  other.join();
  EXPECT_EQ(first.wrong + second.wrong, 0U);
  EXPECT_GT(first.refused + second.refused, 0U);
}
INSTANTIATE_TEST_SUITE_P(Policies, Hostile,
                         ::testing::Values(Backpressure::kBlock, Backpressure::kReject,
                                           Backpressure::kDropNew, Backpressure::kDropOldest));

// The worst that notes can say: every line holds everything, all slots taken, none published.
TEST(HostileNotes, AreLookedAtForALimitedTime) {
  const Name name;
  auto queue = SharedQueue::create(options(name, 1U << 16));
  const SharedMemory memory = SharedMemory::open(name);
  auto* const block = reinterpret_cast<SharedBlock*>(memory.data());
  for (auto& side : block->notes) {
    for (NoteLine& line : side) line.word = 0xffff;
  }
  block->queue.enqueue = 1U << 16;
  block->queue.dequeue = 1U << 15;
  for (u32 i = 0; i < 1U << 15; ++i) queue->queue().ring().slot(i)->word = 1;
  const std::int64_t start = now_ns();
  receive(*queue, 0.05);
  EXPECT_LT(now_ns() - start, 5'000'000'000);
}

}  // namespace
}  // namespace ringway::testing
