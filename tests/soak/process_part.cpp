// Processes of this program, which a queue in shared memory joins:
//
//   send    sends a stream
//   mortal  sends one until it is killed: what came of it is its beginning, without a gap
//   hold    takes messages and keeps them until it is killed: another receiver gets them
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <thread>

#include "core/shared_queue.h"
#include "parts.h"
#include "streams.h"

extern char** environ;

namespace ringway::soak {
namespace {

using Side = NamedQueue::Side;

constexpr u64 kMortal = 2;       // its stream; 0 and 1 are of senders that live
constexpr double kStall = 0.02;  // seconds without a message after which what is held is let go

class Child {
 public:
  Child(const Plan& plan, const std::string& role, const std::string& queue, u64 stream, u64 messages)
      : plan_(plan) {
    std::string texts[] = {
        plan.program, "--child", role, queue, std::to_string(stream), std::to_string(messages)};
    char* arguments[7] = {};
    for (int i = 0; i < 6; ++i) arguments[i] = texts[i].data();
    if (posix_spawnp(&process_, plan.program, nullptr, nullptr, arguments, environ))
      wrong(plan, "a process cannot be started");
  }
  void kill_it() const {
    ::kill(process_, SIGKILL);
    const int status = wait();
    if (!WIFSIGNALED(status) && status != 0) wrong(plan_, "a process failed before it was killed");
  }
  void expect_success() const {
    if (wait() != 0) wrong(plan_, "a sending process failed");
  }

 private:
  int wait() const {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }
  const Plan& plan_;
  pid_t process_ = 0;
};

void send_stream(NamedQueue& queue, u64 stream, u64 messages) {
  for (u64 i = 0; i < messages; ++i) {
    const Body body(stream, i);
    queue.send({{body.data, body.bytes}}, queue.patience(kPatience));
  }
}

void hold(NamedQueue& queue, u64 messages) {
  const Wait until = patience();
  while (messages && !until.over()) {
    const SlotClaim claim = queue.try_peek(u32(messages));
    messages -= claim.count;
    if (!claim.count) usleep(100);
  }
  while (!until.over()) usleep(10'000);
}

}  // namespace

int run_child(int count, char** arguments) {
  if (count != 6) return 2;
  const std::string role = arguments[2];
  const u64 stream = std::strtoull(arguments[4], nullptr, 10),
            messages = std::strtoull(arguments[5], nullptr, 10);
  std::thread([parent = getppid()] {  // nobody is left behind by a soak that failed
    while (getppid() == parent) usleep(100'000);
    _exit(1);
  })
      .detach();
  try {
    const auto queue = SharedQueue::attach(arguments[3], kPatience);
    role == "hold" ? hold(*queue, messages) : send_stream(*queue, stream, messages);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "soak, %s: %s\n", role.c_str(), error.what());
    return 1;
  }
}

u64 processes(const Plan& plan, Runtime&, Random& random) {
  static u32 made = 0;
  const u64 each = 1'000 + random() % 8'000;
  NamedQueueOptions options;
  options.name = "soak." + std::to_string(getpid()) + "." + std::to_string(made++);
  options.type.content = Content::kBytes;
  options.capacity = 64LL << random() % 5;
  options.max_message = kMostBody;
  const auto queue = SharedQueue::create(options);
  Streams received(plan, "processes", {each, each, each});
  Child senders[] = {{plan, "send", options.name, 0, each}, {plan, "send", options.name, 1, each}};
  std::optional<Child> mortal, holder;
  if (random() % 2) mortal.emplace(plan, "mortal", options.name, kMortal, each);
  if (random() % 2) holder.emplace(plan, "hold", options.name, 0, 1 + random() % 32);
  const Order order = holder ? Order::kAny : Order::kExact;  // what was held comes late
  const u64 mortal_until = random() % (2 * each), holder_until = random() % (2 * each);
  auto end = [](std::optional<Child>& child) {
    if (child) child->kill_it();
    child.reset();
  };
  std::vector<u8> message;
  const Wait until = patience();
  for (bool live = true;;) {
    bool got = false;
    try {
      got = queue->wait(Side::kReceive, Wait::seconds(kStall), [&] { return queue->try_receive(&message); });
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kClosed) throw;
      break;
    }
    if (got) received.see(message.data(), message.size(), order);
    // Slots that are held stop the senders one lap later.
    if (!got || received.count() >= holder_until) end(holder);
    if (received.count() >= mortal_until) end(mortal);
    if (live && received.count(0) == each && received.count(1) == each) {
      live = false;
      for (Child& sender : senders) sender.expect_success();
      end(holder);
      end(mortal);
      queue->end();
    }
    if (until.over()) wrong(plan, "processes: no message and no end");
  }
  received.check_first(0, each);
  received.check_first(1, each);
  received.check_first(kMortal, received.count(kMortal));
  SharedMemory::unlink(options.name);
  return received.count();
}

}  // namespace ringway::soak
