// Owner of a queue's memory, and the two handles: sizes, layout checks, the four policies.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/error.h"
#include "gtest/gtest.h"
#include "native/queue/harness.h"

namespace ringway::testing {
namespace {

Queue make(Backpressure policy, u32 capacity = 16, u32 max_message = 56) {
  QueueOptions options;
  options.name = "orders";
  options.capacity = capacity;
  options.max_message = max_message;
  options.policy = policy;
  return Queue(options);
}
template <class Attempt>
bool give_up(Attempt) {
  return false;
}
const auto kGiveUp = [](auto attempt) { return give_up(attempt); };

bool send(Sender& sender, u32 number) {
  return sender.send({{&number, 4}}, "Order", kGiveUp);
}
i32 receive(Receiver& receiver) {
  u32 words[kSlotWords] = {};
  return receiver.try_receive(words) == 4 ? i32(words[0]) : -1;
}
template <class Body>
std::string error_of(ErrorKind kind, Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}
bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// A lone side shows its index only now and then.
TEST(QueueCounts, DepthIsExactWhileTheSidesAreAlone) {
  Queue queue = make(Backpressure::kBlock);
  Producer<QueueAtomics, false> producer;
  Consumer<QueueAtomics, false> consumer;
  producer.open(queue.ring());
  consumer.open(queue.ring());
  u32 words[kSlotWords] = {};
  u64 inside = 0;
  for (u32 round = 0; round < 40; ++round) {
    for (u32 i = 0; i < 1 + round % 7; ++i) inside += producer.push(words, 56);
    for (u32 i = 0; i < 1 + round % 5; ++i) inside -= consumer.pop(words) >= 0;
    ASSERT_EQ(queue.counts().depth, inside);
  }
}

TEST(QueueSize, AutoGivesVariableMessagesAFifthMore) {
  EXPECT_EQ(slot_stride_for(56, false), 64U);
  EXPECT_EQ(slot_stride_for(57, false), 128U);
  EXPECT_EQ(slot_stride_for(56, true), 128U);      // 56 + 12 + 8
  EXPECT_EQ(slot_stride_for(1000, true), 1216U);   // 1000 + 200 + 8
  EXPECT_EQ(slot_stride_for(4096, false), 4160U);  // undeclared
  EXPECT_EQ(slot_stride_for(kMaxMessage, true), u32(kMaxStride));
  EXPECT_TRUE(has(error_of(ErrorKind::kInvalidOption, [] { slot_stride_for(u64(kMaxMessage) + 1, false); }),
                  "16777216"));
  EXPECT_EQ(Queue(QueueOptions{}).max_message(), 4160U - 8U);
}

TEST(QueueSize, CapacityIsAPowerOfTwoInRange) {
  for (u32 capacity : {0U, 8U, 17U, 1000U, 1U << 21}) {
    const std::string text =
        error_of(ErrorKind::kInvalidOption, [&] { make(Backpressure::kBlock, capacity); });
    EXPECT_TRUE(has(text, "'orders'") && has(text, std::to_string(capacity).c_str())) << text;
  }
  EXPECT_EQ(make(Backpressure::kBlock, 1U << 20).ring().capacity, 1U << 20);
}

TEST(QueueSize, ANewQueueTouchesNoneOfItsSlots) {
  const Queue queue{QueueOptions{}};
  const auto page = std::size_t(sysconf(_SC_PAGESIZE));
  const std::size_t bytes = std::size_t(4096) * queue.ring().stride;
  std::vector<unsigned char> resident((bytes + page - 1) / page);
#if defined(__APPLE__)
  ASSERT_EQ(mincore(queue.ring().slots, bytes, reinterpret_cast<char*>(resident.data())), 0);
#else
  ASSERT_EQ(mincore(queue.ring().slots, bytes, resident.data()), 0);
#endif
  std::size_t touched = 0;
  for (unsigned char page_state : resident) touched += page_state & 1;
  EXPECT_EQ(touched, 0U);
}

class Attached : public ::testing::Test {
 protected:
  using Header = QueueHeader<QueueAtomics>;
  alignas(kIndexLine) u8 memory_[sizeof(Header) + 16 * 64] = {};
  Header* header_ = reinterpret_cast<Header*>(memory_);

  void SetUp() override { create<QueueAtomics>(header_, memory_ + sizeof(Header), 16, 64, 0); }
  std::string fault(std::size_t bytes = sizeof(memory_)) {
    return error_of(ErrorKind::kLayout, [&] { Queue(memory_, bytes, "shared"); });
  }
};

TEST_F(Attached, SeesTheSameMessages) {
  Queue one(memory_, sizeof(memory_), "one"), two(memory_, sizeof(memory_), "two");
  Sender sender(one);
  Receiver receiver(two);
  EXPECT_TRUE(send(sender, 7));
  EXPECT_EQ(receive(receiver), 7);
}

TEST_F(Attached, NamesTheFieldThatIsWrong) {
  EXPECT_TRUE(has(fault(sizeof(memory_) - 1), "16 slots of 64 bytes do not fit"));
  EXPECT_TRUE(has(fault(100), "hold at least 512"));
  EXPECT_TRUE(
      has(error_of(ErrorKind::kLayout, [&] { Queue(memory_ + 64, sizeof(memory_) - 64, "x"); }), "aligned"));
  const struct {
    u32 Header::* field;
    u32 value;
    const char* text;
  } faults[] = {
      {&Header::magic, 0, "does not begin"},        {&Header::layout, 99, "layout version is 99"},
      {&Header::kind, kKindCallCell, "kind is 2"},  {&Header::ticket_bits, 32, "tickets have 32 bits"},
      {&Header::capacity, 17, "capacity is 17"},    {&Header::capacity, 8, "capacity is 8"},
      {&Header::capacity, 1U << 21, "not a power"}, {&Header::stride, 0, "stride is 0"},
      {&Header::stride, 96, "stride is 96"},        {&Header::stride, kMaxStride + 64, "stride is"},
      {&Header::stride, 128, "16 slots of 128"},
  };
  for (const auto& planted : faults) {
    const u32 right = header_->*planted.field;
    header_->*planted.field = planted.value;
    EXPECT_TRUE(has(fault(), planted.text)) << planted.text;
    header_->*planted.field = right;
  }
  EXPECT_NO_THROW(Queue(memory_, sizeof(memory_), "shared"));
}

TEST(Channel, AMessageTooLargeLeavesTheQueueAsItWas) {
  const Queue queue = make(Backpressure::kBlock);
  Sender sender(queue);
  Receiver receiver(queue);
  ASSERT_TRUE(send(sender, 1));
  const std::vector<u8> large(57);
  const std::string text = error_of(ErrorKind::kMessageTooLarge, [&] {
    sender.send({{large.data(), 40}, {large.data(), 17}}, "Order", kGiveUp);
  });
  EXPECT_TRUE(has(text, "57") && has(text, "56") && has(text, "Order") && has(text, "'orders'")) << text;
  EXPECT_THROW(sender.send_some(large.data(), 1, 57, "Order"), Error);
  EXPECT_EQ(queue.counts().depth, 1U);
  EXPECT_EQ(queue.counts().refused_size, 2U);
  EXPECT_EQ(receive(receiver), 1);
  EXPECT_EQ(receive(receiver), -1);
}

TEST(Channel, RejectRefusesAndCounts) {
  const Queue queue = make(Backpressure::kReject);
  Sender sender(queue);
  for (u32 i = 0; i < 16; ++i) EXPECT_TRUE(send(sender, i));
  const std::string text = error_of(ErrorKind::kQueueFull, [&] { send(sender, 16); });
  EXPECT_TRUE(has(text, "'orders'") && has(text, "16") && has(text, "reject")) << text;
  EXPECT_EQ(queue.counts().refused_full, 1U);
  EXPECT_EQ(queue.counts().depth, 16U);
}

TEST(Channel, BlockWaitsForRoomAndGivesUpWithAnError) {
  const Queue queue = make(Backpressure::kBlock);
  Sender sender(queue);
  Receiver receiver(queue);
  for (u32 i = 0; i < 16; ++i) EXPECT_TRUE(send(sender, i));
  EXPECT_TRUE(has(error_of(ErrorKind::kQueueFull, [&] { send(sender, 16); }), "time-out"));
  const u32 number = 16;
  bool asked = false;
  EXPECT_TRUE(sender.send({{&number, 4}}, "Order", [&](auto attempt) {
    EXPECT_FALSE(attempt());
    EXPECT_EQ(receive(receiver), 0);
    asked = true;
    return attempt();
  }));
  EXPECT_TRUE(asked);
  for (i32 i = 1; i <= 16; ++i) EXPECT_EQ(receive(receiver), i);
}

TEST(Channel, DropNewKeepsTheOld) {
  const Queue queue = make(Backpressure::kDropNew);
  Sender sender(queue);
  Receiver receiver(queue);
  for (u32 i = 0; i < 20; ++i) EXPECT_EQ(send(sender, i), i < 16);
  EXPECT_EQ(queue.counts().dropped_new, 4U);
  for (i32 i = 0; i < 16; ++i) EXPECT_EQ(receive(receiver), i);
  EXPECT_EQ(receive(receiver), -1);
}

TEST(Channel, DropOldestKeepsTheNew) {
  const Queue queue = make(Backpressure::kDropOldest);
  Sender sender(queue);
  Receiver receiver(queue);
  for (u32 i = 0; i < 20; ++i) EXPECT_TRUE(send(sender, i));
  EXPECT_EQ(queue.counts().dropped_oldest, 4U);
  for (i32 i = 4; i < 20; ++i) EXPECT_EQ(receive(receiver), i);
  EXPECT_EQ(receive(receiver), -1);
  EXPECT_TRUE(has(error_of(ErrorKind::kInvalidState, [&] { receiver.peek(1); }), "by copy"));
}

TEST(Channel, BatchesAndInPlaceKeepOrderAndSizes) {
  const Queue queue = make(Backpressure::kBlock);
  Sender sender(queue);
  Receiver receiver(queue);
  const u32 messages[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                            12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
  EXPECT_EQ(sender.send_some(messages, 12, 8, ""), 12U);
  auto claim = sender.reserve(4);
  ASSERT_EQ(claim.count, 4U);
  for (u32 i = 0; i < 4; ++i) {
    std::memcpy(sender.payload(claim.first + i), &i, 4);
    sender.publish(claim.first + i, 4, i);
  }
  std::vector<u8> out(std::size_t(10) * queue.max_message());
  u32 sizes[10];
  EXPECT_EQ(receiver.receive_some(out.data(), sizes, 10), 10U);
  for (u32 i = 0; i < 10; ++i) {
    u32 words[2];
    std::memcpy(words, out.data() + std::size_t(i) * queue.max_message(), 8);
    EXPECT_EQ(sizes[i], 8U);
    EXPECT_EQ(words[0], 2 * i);
    EXPECT_EQ(words[1], 2 * i + 1);
  }
  auto read = receiver.peek(16);
  ASSERT_EQ(read.count, 6U);
  for (u32 i = 2; i < 6; ++i) {
    u32 word;
    std::memcpy(&word, receiver.payload(read.first + i), 4);
    EXPECT_EQ(word, i - 2);
    EXPECT_EQ(receiver.size(read.first + i), 4U);
    EXPECT_EQ(receiver.flags(read.first + i), i - 2);
  }
  receiver.release_n(read);
  EXPECT_EQ(queue.counts().depth, 0U);
}

TEST(Channel, ASizeThatAPeerMadeUpIsNotRead) {
  const Queue queue = make(Backpressure::kBlock);
  Sender sender(queue);
  Receiver receiver(queue);
  sender.publish(sender.reserve(1).first, kSizeMask, 0);
  std::vector<u8> out(queue.max_message());
  EXPECT_EQ(receiver.try_receive(out.data()), i32(queue.max_message()));
}

}  // namespace
}  // namespace ringway::testing
