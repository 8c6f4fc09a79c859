// Recordings: what is in the file, what a replay of it finds, and what becomes of damaged ones.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "../runtime_harness.h"
#include "core/record/compare.h"

namespace ringway::test {
namespace {

// Adds to each byte; `Adder` is launched by one name, and can be exchanged for one that does it wrongly.
template <u32 kWrongEvery>
struct Adder {
  struct State {
    u64 seen;
  };
  template <class Ctx>
  static u32 drain(Ctx* ctx, u8* first, u32 stride, u32 n, State* state, DrainStatus* status) {
    for (u32 i = 0; i < n; ++i) {
      u8* slot = first + u64(stride) * i;
      const u32 bytes = body_bytes(slot);
      u8* answer = ctx->reserve_answer(envelope(slot), 0, bytes);
      if (!answer) {
        status->code = kAgain;
        return i;
      }
      const u64 number = ++state->seen;
      for (u32 byte = 0; byte < bytes; ++byte)
        answer[byte] = u8(body(slot)[byte] + (kWrongEvery && number % kWrongEvery == 0 ? 2 : 1));
      ctx->commit_answer(bytes);
    }
    return n;
  }
};

template <u32 kWrongEvery>
void install_adder() {
  cpu::add_entry(
      cpu::kernel_of<Adder<kWrongEvery>>({.name = "adder", .accepts = {}, .emits = {}, .errors = {}}));
}

class Recordings : public testing::TestWithParam<Mode> {
 protected:
  void SetUp() override {
    install_adder<0>();
    std::string pattern = (std::filesystem::temp_directory_path() / "ringway-record-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    runtime = start(2, GetParam().assist);
  }
  void TearDown() override {
    runtime->close();
    std::filesystem::remove_all(folder);
  }
  std::string file(const std::string& name) const { return (folder / name).string(); }
  void record(const std::string& name = "recording") { runtime->start_recording({.path = file(name)}); }
  std::shared_ptr<Kernel> launch(const std::string& kernel, LaunchOptions options = {},
                                 std::int64_t grid = 1) {
    auto launched = runtime->launch(kernel, "", in_mode(GetParam(), options), grid);
    launched->activate();
    return launched;
  }
  static void wait_idle(Kernel& kernel) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!kernel.idle()) {
      std::this_thread::yield();
      const Telemetry now = kernel.telemetry();
      ASSERT_LT(std::chrono::steady_clock::now(), end)
          << "received " << now.control.received << " of " << now.mailbox.taken << ", waiting "
          << now.mailbox.depth << ", dropped " << now.mailbox.dropped_oldest;
    }
  }

  struct Compared {
    Comparison found;
    Played played;
    u64 lost = 0;
    bool complete = false;
    u64 sum(u64 ComparedPart::* field) const {
      u64 all = 0;
      for (const ComparedPart& part : found.parts) all += part.*field;
      return all;
    }
    bool same() const {
      return played.stalled.empty() && !sum(&ComparedPart::different) && !sum(&ComparedPart::missing) &&
             !sum(&ComparedPart::extra) && !sum(&ComparedPart::reordered);
    }
  };
  std::string text_of(const Compared& compared) {
    std::string text = compared.played.stalled.empty() ? "" : "stalled: " + compared.played.stalled + "; ";
    for (const ComparedPart& part : compared.found.parts) text += part.name + " " + part.refusal + "; ";
    for (const Difference& found : compared.found.differences) {
      text += std::string(found.what) + " of " + found.where + ": " + std::to_string(u32(found.finding)) +
              " " + std::to_string(found.recorded) + "; ";
      if (found.recorded != kNoRecord) text += test::text_of((*last_recorded)[found.recorded].body());
      if (found.replayed != kNoRecord)
        text += " <> " + test::text_of((*last_replayed)[found.replayed].body());
    }
    return text;
  }
  Compared again(const std::string& name = "recording", u32 chunks = Recording::kAllChunks,
                 double speed = 0) {
    last_recorded = std::make_unique<Recording>(file(name), chunks);
    const Recording& recording = *last_recorded;
    const History history(recording);
    const std::string own = file("replayed-" + std::to_string(++replays));
    ReplayOptions options;
    options.speed = speed;
    options.timeout = 20;
    options.record.path = own;
    Compared made;
    made.played = replay(history, options);
    last_replayed = std::make_unique<Recording>(own);
    const History replayed(*last_replayed);
    made.found = compare(history, replayed, made.played);
    made.lost = history.lost();
    made.complete = recording.complete();
    return made;
  }

  std::shared_ptr<Runtime> runtime;
  std::filesystem::path folder;
  std::unique_ptr<Recording> last_recorded, last_replayed;
  int replays = 0;
};
INSTANTIATE_TEST_SUITE_P(Modes, Recordings, testing::ValuesIn(kModes), name_of_mode);

TEST_P(Recordings, AreReplayedAlike) {
  record();
  auto kernel = launch("adder");
  for (int i = 0; i < 200; ++i) EXPECT_EQ(ask(*kernel, "abc"), "bcd");
  for (int i = 0; i < 200; ++i) send(*kernel, std::to_string(i));
  wait_idle(*kernel);
  const RecordReport report = runtime->stop_recording();
  EXPECT_EQ(report.lost, 0U);
  EXPECT_EQ(report.bytes, std::filesystem::file_size(file("recording")));
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_TRUE(found.complete);
  EXPECT_EQ(found.sum(&ComparedPart::entered), 400U);
  EXPECT_EQ(found.sum(&ComparedPart::out), 400U);
  EXPECT_EQ(found.sum(&ComparedPart::equal), 400U);
}

TEST_P(Recordings, ShowAKernelThatAnswersWrongly) {
  record();
  auto kernel = launch("adder");
  for (int i = 0; i < 50; ++i) ask(*kernel, "abc");
  for (int i = 0; i < 50; ++i) send(*kernel, "abc");
  wait_idle(*kernel);
  runtime->stop_recording();
  install_adder<10>();
  const Compared found = again();
  EXPECT_FALSE(found.same());
  EXPECT_EQ(found.sum(&ComparedPart::different), 10U);
  EXPECT_EQ(found.sum(&ComparedPart::equal), 90U);
  ASSERT_EQ(found.found.differences.size(), 10U);
  EXPECT_STREQ(found.found.differences[0].what, "answer");
  EXPECT_STREQ(found.found.differences[9].what, "message");
}

TEST_P(Recordings, HoldWhatManyThreadsAskInTheOrderOfTheMailbox) {
  record();
  auto kernel = launch("faulty");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      // The answers depend on the order in which the messages were handled.
      for (int i = 0; i < 300; ++i) ask(*kernel, "count");
    });
  }
  for (auto& thread : threads) thread.join();
  runtime->stop_recording();
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_EQ(found.sum(&ComparedPart::equal), 1200U);
}

TEST_P(Recordings, HoldFaultsRestartsAndTheEndOfAKernel) {
  record();
  LaunchOptions restarts;
  restarts.on_error = OnError::kRestart;
  restarts.restart_backoff = 0.001;
  auto restarting = launch("faulty", restarts);
  auto failing = launch("faulty");
  for (const char* text : {"count", "a", "break", "count", "fail", "count"}) {
    try {
      ask(*restarting, text);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kHandler);
    }
  }
  send(*restarting, "fail");
  wait_idle(*restarting);
  EXPECT_EQ(ask(*failing, "fine"), "fine");
  failing->deactivate();
  send(*failing, "a");
  send(*failing, "break");
  auto* late = failing->ask(plain(), bytes_of("b"), "");
  send(*failing, "c");
  failing->activate();
  // A bridge answers a moment after the kernel has failed.
  while (!ReplyPool::answered(late)) std::this_thread::yield();
  EXPECT_EQ(kind_of([&] { failing->wait(late, Wait::seconds(20), 20); }), ErrorKind::kHandler);
  runtime->replies().give_back(late);
  while (failing->state() != State::kFailed || failing->dead_letters().list(false).size() < 3)
    std::this_thread::yield();
  runtime->stop_recording();
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_EQ(found.sum(&ComparedPart::missing), 0U);
  EXPECT_GT(found.sum(&ComparedPart::equal), 8U);
}

TEST_P(Recordings, PassLinksOnAndKeepTheirOrder) {
  record();
  auto relay = launch("relay");
  auto echo = launch("echo");
  runtime->link(*relay, *echo, 64, 64);
  for (int i = 0; i < 500; ++i) send(*relay, std::to_string(i));
  for (int i = 0; i < 500; ++i) EXPECT_EQ(receive(*echo), std::to_string(i));
  wait_idle(*relay);
  wait_idle(*echo);
  runtime->stop_recording();
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_EQ(found.sum(&ComparedPart::equal), 500U);
  for (const ComparedPart& part : found.found.parts) EXPECT_EQ(part.unordered, "");
}

TEST_P(Recordings, CompareReplicasAsMultisets) {
  record();
  auto relay = launch("relay", {}, 2);
  auto echo = launch("echo");
  runtime->link(*relay, *echo, 1024, 64);
  for (int i = 0; i < 500; ++i) send(*relay, std::to_string(i));
  wait_idle(*relay);
  wait_idle(*echo);
  runtime->stop_recording();
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_EQ(found.sum(&ComparedPart::equal), 500U);
  EXPECT_NE(found.found.parts[1].unordered, "");
}

TEST_P(Recordings, TakeTheVerdictsOnTimeFromTheRecording) {
  record();
  LaunchOptions options;
  options.dedup = 16;
  options.policy = Backpressure::kDropOldest;
  options.capacity = 16;
  auto kernel = launch("echo", options);
  kernel->deactivate();
  Envelope envelope = plain();
  envelope.ttl_10ms = 1;
  envelope.timestamp_us = unix_us();
  kernel->send(envelope, bytes_of("expires"), "");
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const Envelope twice = plain();
  kernel->send(twice, bytes_of("first"), "");
  kernel->send(twice, bytes_of("second"), "");
  kernel->activate();
  EXPECT_EQ(receive(*kernel), "first");
  wait_idle(*kernel);
  kernel->deactivate();
  if (GetParam().bridge == BridgeKind::kDirect) {
    for (int i = 0; i < 20; ++i) send(*kernel, std::to_string(i));
  }
  kernel->activate();
  wait_idle(*kernel);
  runtime->stop_recording();
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_EQ(found.sum(&ComparedPart::withheld), GetParam().bridge == BridgeKind::kDirect ? 5U : 1U);
  EXPECT_EQ(found.sum(&ComparedPart::missing), 0U);
}

TEST_P(Recordings, HoldNamedQueues) {
  record();
  NamedQueueOptions options;
  options.name = "numbers";
  options.type.content = Content::kBytes;
  options.capacity = 16;
  auto queue = runtime->open_queue(options);
  std::vector<u8> message;
  for (u8 i = 0; i < 100; ++i) {
    EXPECT_EQ(queue->try_send({{&i, 1}}), NamedQueue::Offer::kSent);
    if (i < 90) {
      EXPECT_TRUE(queue->try_receive(&message));
    }
  }
  runtime->stop_recording();
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_EQ(found.sum(&ComparedPart::equal), 90U);
  EXPECT_EQ(found.sum(&ComparedPart::beyond), 10U);
}

TEST_P(Recordings, EndWithTheirRuntime) {
  record();
  auto kernel = launch("echo");
  for (int i = 0; i < 100; ++i) ask(*kernel, "hello");
  runtime->close();
  EXPECT_TRUE(again().same());
  EXPECT_TRUE(again().complete);
}

TEST_P(Recordings, CanStartLateAndTwice) {
  auto kernel = launch("echo");
  ask(*kernel, "before");
  record("first");
  EXPECT_EQ(kind_of([&] { record("other"); }), ErrorKind::kInvalidState);
  ask(*kernel, "now");
  runtime->stop_recording();
  EXPECT_EQ(kind_of([&] { record("first"); }), ErrorKind::kRecording);
  record("second");
  ask(*kernel, "then");
  runtime->stop_recording();
  for (const char* name : {"first", "second"}) {
    const Compared found = again(name);
    EXPECT_TRUE(found.same()) << text_of(found);
    EXPECT_EQ(found.sum(&ComparedPart::equal), 1U);
    EXPECT_TRUE(found.found.parts[0].earlier);
  }
}

TEST_P(Recordings, LeaveRecordsOutWhenTheBufferIsFullAndSaySo) {
  runtime->start_recording({.path = file("recording"), .block = false, .buffer = 64 << 10});
  auto kernel = launch("echo");
  const std::string large(4000, 'x');
  for (int i = 0; i < 2000; ++i) ask(*kernel, large);
  const RecordReport report = runtime->stop_recording();
  const Compared found = again();
  EXPECT_EQ(found.lost, report.lost);
  EXPECT_EQ(found.sum(&ComparedPart::different), 0U);
  EXPECT_EQ(found.sum(&ComparedPart::extra), 0U);
}

TEST_P(Recordings, WaitForASlowDisk) {
  runtime->start_recording({.path = file("recording"), .block = true, .buffer = 64 << 10});
  auto kernel = launch("echo");
  const std::string large(4000, 'x');
  for (int i = 0; i < 2000; ++i) ask(*kernel, large);
  EXPECT_EQ(runtime->stop_recording().lost, 0U);
  const Compared found = again();
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_EQ(found.sum(&ComparedPart::equal), 2000U);
}

TEST_P(Recordings, AreReadUpToWhereTheyEndAndRefusedWhereDamaged) {
  runtime->start_recording({.path = file("recording"), .buffer = 64 << 10});
  auto kernel = launch("echo");
  const std::string text(1000, 'x');
  for (int i = 0; i < 1000; ++i) ask(*kernel, text);
  runtime->stop_recording();
  std::ifstream whole(file("recording"), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  auto write = [&](const std::string& name, const std::string& content) {
    std::ofstream(file(name), std::ios::binary) << content;
  };
  auto text_of_error = [&](const std::string& name) -> std::string {
    try {
      const Recording recording(file(name));
      const History history(recording);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kRecording);
      return error.what();
    }
    return "";
  };
  ASSERT_GE(Recording(file("recording")).chunks(), 3U);
  write("cut", bytes.substr(0, bytes.size() - 100));
  const Compared cut = again("cut");
  EXPECT_TRUE(cut.same());
  EXPECT_FALSE(cut.complete);
  EXPECT_GT(cut.sum(&ComparedPart::equal), 0U);

  ChunkHead first;
  std::memcpy(&first, bytes.data() + sizeof(RecordingHead), sizeof(first));
  const std::size_t second = sizeof(RecordingHead) + sizeof(ChunkHead) + first.bytes;
  std::string damaged = bytes;
  damaged[second + sizeof(ChunkHead) + 500] ^= 1;
  write("damaged", damaged);
  EXPECT_NE(text_of_error("damaged").find("chunk 1 "), std::string::npos) << text_of_error("damaged");
  EXPECT_TRUE(again("damaged", 1).same());
  damaged = bytes;
  damaged[second + 5] ^= 1;
  write("head", damaged);
  EXPECT_NE(text_of_error("head").find("chunk 1 "), std::string::npos);
  write("other", "something else that is long enough to be a head");
  write("short", "RWREC");
  write("none", bytes.substr(0, sizeof(RecordingHead)));
  damaged = bytes;
  damaged[8] = 9;
  write("version", damaged);
  for (const char* name : {"other", "short", "none", "version", "absent"})
    EXPECT_NE(text_of_error(name), "") << name;
  EXPECT_NE(text_of_error(".."), "");
}

TEST_P(Recordings, KeepToTheirPaceWhenAsked) {
  record();
  auto kernel = launch("echo");
  ask(*kernel, "a");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ask(*kernel, "b");
  runtime->stop_recording();
  const Compared found = again("recording", Recording::kAllChunks, 2);
  EXPECT_TRUE(found.same()) << text_of(found);
  EXPECT_GE(found.played.seconds, 0.1);
}

}  // namespace
}  // namespace ringway::test
